import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve as resolvePath } from 'node:path';
import { InputError, suggest } from '../errors.ts';
import type { SourceText } from './layers.ts';
import { type Machine, parseMachine, type VariableMachine, variableMachine } from './parse.ts';
import { presetNames, presetText } from './presets.ts';
import { MAX_BYTES } from './yaml-file.ts';

/**
 * A machine by the name of a preset or by the path of its file. What contains a slash or ends in .yaml or .yml is a
 * path.
 * @throws InputError for an unknown name, an unreadable file or a mistake in it
 */
export async function loadMachine(nameOrPath: string): Promise<Machine> {
  const { text, file } = readSource(nameOrPath, '.');
  return readMachine(text, file);
}

/**
 * A machine from a text that stands for `file`: what it extends is looked for from there.
 * @throws InputError as `loadMachine` does
 */
export function readMachine(text: string, file: string): Machine {
  return parseMachine(text, file, readBase);
}

/** The same, to be varied. @throws InputError */
export function loadVariableMachine(nameOrPath: string): VariableMachine {
  const { text, file } = readSource(nameOrPath, '.');
  return variableMachine(text, file, readBase);
}

function readBase(name: string, from: string): SourceText {
  return readSource(name, isPreset(from) ? '.' : dirname(from));
}

const PRESET = 'preset ';

function isPreset(file: string): boolean {
  return file.startsWith(PRESET);
}

function readSource(nameOrPath: string, folder: string): SourceText {
  if (/[\\/]|\.ya?ml$/i.test(nameOrPath)) {
    const file = folder === '.' ? nameOrPath : resolvePath(folder, nameOrPath);
    return { text: readText(file), file };
  }
  const names = presetNames();
  if (!names.includes(nameOrPath)) {
    const note = `${suggest(nameOrPath, names)}; a file's path ends in .yaml`;
    throw new InputError(`expected a machine, found "${nameOrPath.slice(0, 100)}"`, { note });
  }
  return { text: presetText(nameOrPath), file: `${PRESET}${nameOrPath}` };
}

/** Reads no more than the size limit and one byte, whatever the file claims to be. */
function readText(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length > MAX_BYTES) {
    throw new InputError(`expected at most ${MAX_BYTES} bytes, found more`, { place: { file } });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InputError('expected UTF-8 text, found other bytes', { place: { file }, cause });
  }
}

function readBytes(file: string): Uint8Array {
  try {
    // Asked before it is opened: to open a pipe is to wait for its writer.
    if (!statSync(file).isFile()) throw new Error('not an ordinary file');
    const handle = openSync(file, 'r');
    try {
      const buffer = new Uint8Array(MAX_BYTES + 1);
      return buffer.subarray(0, readSync(handle, buffer));
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'no such file' : message;
    throw new InputError(`expected a readable machine file, found: ${found}`, { place: { file }, cause });
  }
}
