import { open } from 'node:fs/promises';
import { InputError } from '../errors.ts';

export type JsonObject = Record<string, unknown>;

/** A name from a file as it may stand in a message: quoted, and cut where a hostile file made it endless. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a JSON value is, for "found ..." in a message. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? quote(value) : String(value);
}

/** The whole of a small file, or undefined where there is none. Refuses more than `limit` bytes. */
export async function readSmallFile(path: string, limit: number): Promise<Uint8Array | undefined> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw new InputError(`cannot be read: ${messageOf(error)}`, { place: { file: path }, cause: error });
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      throw new InputError('expected a file, found something else', { place: { file: path } });
    }
    if (stat.size > limit) {
      throw new InputError(`expected at most ${limit} bytes, found ${stat.size}`, { place: { file: path } });
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** UTF-8 JSON whose top is an object. Throws InputError with the file, line and column. */
export function parseJsonObject(bytes: Uint8Array, file: string): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError('expected JSON in UTF-8, found bytes that are not UTF-8', {
      place: { file },
      cause: error,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(`expected JSON: ${messageOf(error)}`, {
      place: { file, ...positionOf(error, text) },
      note: 'the file is damaged or is not the one that its name says; download it again',
      cause: error,
    });
  }
  if (!isObject(value)) {
    throw new InputError(`expected a JSON object, found ${describe(value)}`, { place: { file } });
  }
  return value;
}

/** A JSON file whose top is an object, or undefined where there is no such file. */
export async function readJsonObject(path: string, limit: number): Promise<JsonObject | undefined> {
  const bytes = await readSmallFile(path, limit);
  return bytes && parseJsonObject(bytes, path);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** V8 gives the offset only in its message, and not in every one; an early end is at the end. */
function positionOf(error: unknown, text: string): { line?: number; column?: number } {
  const message = messageOf(error);
  const offset =
    /at position (\d+)/.exec(message)?.[1] ?? (/end of JSON/.test(message) ? text.length : undefined);
  if (offset === undefined) return {};
  // No split: a hostile file of newlines would become an array of as many strings.
  let line = 1;
  let start = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < Number(offset); at = text.indexOf('\n', at + 1)) {
    line++;
    start = at + 1;
  }
  return { line, column: Number(offset) - start + 1 };
}
