import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { InputError, RunError } from '../errors.ts';

/** What a search depends on: a log goes on only where all of it is the same. Plain JSON. */
export type LogHeader = Readonly<Record<string, unknown>>;

/** A line behind the header. Numbers that JSON has not are kept as text. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A line a step is some hundred bytes. */
const MAX_BYTES = 64e6;
const KIND = 'tapeout precision search';

/**
 * A file of JSON lines that survives its process: a header, then a line a result, each on the disk before `append`
 * returns. A process that is killed leaves at most a torn last line, which the next one cuts off.
 */
export class SearchLog {
  /** What an earlier process wrote behind the header. */
  readonly lines: readonly LogLine[];
  readonly file: string;
  readonly #handle: number;

  /**
   * Opens a log to go on with it, or begins one.
   *
   * @throws InputError for a file that is no such log, has another header, or is damaged before its last line
   */
  constructor(file: string, header: LogHeader) {
    this.file = file;
    const wanted = line({ log: KIND, ...header });
    const text = readText(file);
    const { whole, torn } = splitLines(text, file);
    const begun = whole.length > 0;
    // A torn header is one that this program began to write; anything else is somebody's file.
    if (!begun && torn !== '' && !wanted.startsWith(torn) && !torn.startsWith(`{"log":"${KIND}"`)) {
      throw notALog(file);
    }
    if (begun) checkHeader(file, JSON.parse(wanted), whole[0]!);
    this.lines = whole.slice(1).map(revive);
    try {
      this.#handle = openSync(file, 'a');
      // By what is whole: a torn end may have been no text.
      ftruncateSync(this.#handle, Buffer.byteLength(text.slice(0, text.length - torn.length)));
      if (!begun) this.#write(wanted);
    } catch (cause) {
      throw new InputError(`expected a file that can be written, found: ${(cause as Error).message}`, {
        place: { file },
        cause,
      });
    }
  }

  append(entry: LogLine): void {
    try {
      this.#write(line(entry));
    } catch (cause) {
      throw new RunError(`${this.file}: ${(cause as Error).message}`, { cause });
    }
  }

  close(): void {
    closeSync(this.#handle);
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#handle, bytes, at);
    fsyncSync(this.#handle);
  }
}

const UNWRITABLE = ['NaN', 'Infinity', '-Infinity'];

function line(value: LogLine): string {
  const replace = (_key: string, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item;
  return `${JSON.stringify(value, replace)}\n`;
}

function revive(entry: LogLine): LogLine {
  const number = (value: unknown) => (UNWRITABLE.includes(value as string) ? Number(value) : value);
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, number(value)]));
}

function readText(file: string): string {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw new Error('not an ordinary file');
    if (stat.size > MAX_BYTES) throw new Error(`${stat.size} bytes`);
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '';
    throw new InputError(`expected a log or no file, found: ${message}`, { place: { file }, cause });
  }
}

/** The lines that are whole, and what is left of a last one. */
function splitLines(text: string, file: string): { whole: LogLine[]; torn: string } {
  const whole: LogLine[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    const entry = end < 0 ? undefined : parse(text.slice(start, end));
    if (!entry) {
      // The header is never taken for torn where it has its end: such a file is somebody's own.
      if (end >= 0 && whole.length === 0) throw notALog(file);
      if (end >= 0 && end + 1 < text.length) {
        throw new InputError('expected a line of JSON, found something else', {
          place: { file, line: whole.length + 1 },
          note: 'the log is damaged; start another one',
        });
      }
      return { whole, torn: text.slice(start) };
    }
    whole.push(entry);
    start = end + 1;
  }
  return { whole, torn: '' };
}

function parse(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as LogLine)
      : undefined;
  } catch {
    return undefined;
  }
}

function checkHeader(file: string, wanted: LogLine, found: LogLine): void {
  if (found.log !== KIND) throw notALog(file);
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    const [here, there] = [JSON.stringify(wanted[key]), JSON.stringify(found[key])];
    if (here === there) continue;
    throw new InputError(
      `the log is of another search: ${key} is ${here ?? 'absent'} now, ${there ?? 'absent'} in it`,
      {
        place: { file, line: 1, key },
        note: 'choose another --log, or search as it says',
      },
    );
  }
}

function notALog(file: string): InputError {
  return new InputError('expected the log of a precision search, found another file', {
    place: { file, line: 1 },
    note: 'it was left as it is; choose another --log',
  });
}
