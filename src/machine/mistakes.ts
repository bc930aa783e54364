import { InputError } from '../errors.ts';

/** More than this many mistakes are counted, not listed: after ten the reader mends and runs again anyway. */
const MAX_LISTED = 10;

/** Several mistakes in one file. The place, message and note are the first one's; `format` lists them all. */
export class InputErrors extends InputError {
  readonly mistakes: readonly InputError[];

  constructor(mistakes: readonly InputError[]) {
    const [first] = mistakes;
    if (!first) throw new Error('InputErrors needs at least one mistake');
    super(first.message, { place: first.place, ...(first.note === undefined ? {} : { note: first.note }) });
    this.mistakes = mistakes;
  }

  override format(): string {
    const listed = this.mistakes.slice(0, MAX_LISTED).map((mistake) => mistake.format());
    const rest = this.mistakes.length - listed.length;
    if (rest > 0) listed.push(`and ${rest} more mistakes`);
    return listed.join('\n');
  }
}

/** One mistake as itself; several, in the order of the file, as one error. */
export function inputErrors(mistakes: readonly InputError[]): InputError {
  const position = ({ place }: InputError) => (place.line ?? 0) * 1e6 + (place.column ?? 0);
  const ordered = mistakes.toSorted((a, b) => position(a) - position(b));
  return ordered.length === 1 ? ordered[0]! : new InputErrors(ordered);
}

/** Text from a hostile file, fit for a terminal: no control characters, cut at `limit` characters. */
export function printable(text: string, limit = 200): string {
  const clean = text.slice(0, limit + 1).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ');
  return clean.length > limit ? `${clean.slice(0, limit)}…` : clean;
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return `a map of ${Object.keys(value).length} keys`;
  if (typeof value === 'string') return `"${printable(value, 60)}"`;
  return printable(String(value), 60);
}

/** A path into a file: map keys and list indices. */
export type KeyPath = readonly (string | number)[];

/** `sites.q.weights`, `requantize[2]`; segments that are not plain words are quoted. */
export function dotted(path: KeyPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else {
      const word = /^[\w-]{1,60}$/.test(segment) ? segment : JSON.stringify(printable(segment, 60));
      text += text === '' ? word : `.${word}`;
    }
  }
  return text;
}
