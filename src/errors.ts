/** Where in a user's input something is wrong. */
export interface Place {
  file?: string;
  /** 1-based. */
  line?: number;
  column?: number;
  /** Dotted path of a key, tensor or option. */
  key?: string;
}

/**
 * Bad input: the user can mend it. The message says what was expected and what was found; `note` says what to do.
 * The command line prints it without a stack and exits with 2.
 */
export class InputError extends Error {
  override name = 'InputError';
  readonly place: Place;
  readonly note: string | undefined;

  constructor(message: string, options: { place?: Place; note?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.place = options.place ?? {};
    this.note = options.note;
  }

  /** `file:line:column: key: message` and the note on a line of its own. */
  format(): string {
    const { file, line, column, key } = this.place;
    const where = [file, line, column].filter((part) => part !== undefined).join(':');
    const head = [where, key, this.message].filter((part) => part).join(': ');
    return this.note ? `${head}\n  ${this.note}` : head;
  }
}

/** The run itself failed on good input (a lost network, a full disk). Exits with 1. */
export class RunError extends Error {
  override name = 'RunError';
}

/** The candidate nearest to `name` by edit distance, if it is near enough to be what was meant. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 2)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean "x"? known: a, b, c` for a name that is not among the candidates. */
export function suggest(name: string, candidates: Iterable<string>): string {
  const known = [...candidates];
  const near = nearest(name, known);
  return `${near ? `did you mean "${near}"? ` : ''}known: ${known.join(', ')}`;
}

/** Levenshtein's distance, one row at a time. Bounded: names from hostile files are cut at 100 characters. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, 100);
  const b = right.slice(0, 100);
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitute, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
