import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { InputError, type Place } from '../../errors.ts';
import { printable } from '../../machine/mistakes.ts';

/** The largest topology that SCALE-Sim ships has 10 kB; a line here becomes a GEMM. */
const MAX_BYTES = 1 << 20;

/** The text of a small file, without a byte order mark. Reads no more than the limit, whatever the file claims to be. */
export function readText(file: string): string {
  try {
    // Asked before it is opened: to open a pipe is to wait for its writer.
    if (!statSync(file).isFile()) throw new Error('not an ordinary file');
    const handle = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(MAX_BYTES + 1);
      const length = readSync(handle, buffer);
      return new TextDecoder().decode(buffer.subarray(0, length));
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'no such file' : message;
    throw new InputError(`expected a readable file, found: ${found}`, { place: { file }, cause });
  }
}

/** Lines of a text, the byte order mark taken off: spreadsheets write one. */
export function linesOf(text: string, file: string): string[] {
  if (text.length > MAX_BYTES) {
    throw new InputError(`expected at most ${MAX_BYTES} bytes, found more`, { place: { file } });
  }
  return text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
}

/** A positive whole number that a float64 holds exactly. */
export function positiveWhole(text: string, what: string, place: Place): number {
  const digits = text.trim();
  const value = Number(digits);
  if (/^\+?\d+$/.test(digits) && value > 0 && Number.isSafeInteger(value)) return value;
  const expected =
    /^\+?\d+$/.test(digits) && value > 0
      ? `a number up to ${Number.MAX_SAFE_INTEGER}`
      : 'a positive whole number';
  const found = digits === '' ? 'nothing' : `"${printable(digits, 40)}"`;
  throw new InputError(`${what}: expected ${expected}, found ${found}`, { place });
}
