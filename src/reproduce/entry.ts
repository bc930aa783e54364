/** How near is near enough. Absolute: in the entry's own unit (points of a percentage, shares). */
export type Tolerance =
  | { kind: 'exact' }
  | { kind: 'relative'; within: number }
  | { kind: 'absolute'; within: number };

/** One published number against ours. */
export interface Entry {
  /** Unique in its paper, dotted: `fig10.speed.bert-base.olive`. */
  id: string;
  /** Where the paper's number stands: `Fig. 10a`, `Table 11`. */
  source: string;
  /** `x`, `cycles`, `%`, …; empty for a plain ratio. */
  unit: string;
  paper: number;
  /** Undefined: not computed; the note says what it needs. */
  ours: number | undefined;
  /** Absolute: ours - paper. Otherwise relative to the paper: ours / paper - 1. */
  deviation: number | undefined;
  tolerance: Tolerance;
  /** Undefined where there is no number of ours: such an entry does not count as reproduced. */
  holds: boolean | undefined;
  /** How ours is computed, and why it is off where it is; what is missing where ours is undefined. */
  note: string;
}

export interface Reproduction {
  paper: string;
  /** Of the publication. */
  title: string;
  entries: Entry[];
}

/** Adds deviation and verdict. */
export function compareEntry(facts: Omit<Entry, 'deviation' | 'holds'>): Entry {
  const { paper, ours, tolerance } = facts;
  if (ours === undefined) return { ...facts, deviation: undefined, holds: undefined };
  const deviation = tolerance.kind === 'absolute' ? ours - paper : ours / paper - 1;
  // A hair of slack: 0.26 - 0.25 is more than 0.01 in binary.
  const holds =
    tolerance.kind === 'exact' ? ours === paper : Math.abs(deviation) <= tolerance.within * (1 + 1e-9);
  return { ...facts, deviation, holds };
}

/** The mean of ratios. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
