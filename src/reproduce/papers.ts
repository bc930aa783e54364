import { InputError, suggest } from '../errors.ts';
import type { Entry, Reproduction } from './entry.ts';

/** The papers, each loaded when it is asked for: a line a paper. */
const PAPERS: Readonly<Record<string, () => Promise<Reproduction>>> = {
  anda: async () => (await import('./anda.ts')).reproduceAnda(),
  olive: async () => (await import('./olive.ts')).reproduceOlive(),
  realm: async () => (await import('./realm.ts')).reproduceRealm(),
};

export function paperNames(): string[] {
  return Object.keys(PAPERS);
}

/** One paper, or all of them. @throws InputError for a name that is none. */
export async function reproduce(name: string): Promise<Reproduction[]> {
  if (name === 'all') return Promise.all(Object.values(PAPERS).map((paper) => paper()));
  const paper = Object.hasOwn(PAPERS, name) ? PAPERS[name] : undefined;
  if (!paper) {
    throw new InputError(`expected a paper, found "${name}"`, {
      note: suggest(name, [...paperNames(), 'all']),
    });
  }
  return [await paper()];
}

/**
 * What an entry rests on beside the paper's print, as its note says: a reading that was derived from other numbers of the
 * paper (`[derived]`, `[inferred]`), a constant fitted to other bars of the same figure (`[fitted]`), or made-up data
 * (`SYNTHETIC`).
 */
export function basisOf({ note }: Entry): 'synthetic' | 'fitted' | 'derived' | undefined {
  if (note.includes('SYNTHETIC')) return 'synthetic';
  if (note.includes('[fitted')) return 'fitted';
  return /\[(derived|inferred)/.test(note) ? 'derived' : undefined;
}

export interface Score {
  paper: string;
  entries: number;
  /** Within their tolerance. */
  reproduced: number;
  /** Of them those that rest on derived readings, on fitted constants, and on synthetic data. */
  derived: number;
  fitted: number;
  synthetic: number;
  /** Computed, but beyond it. */
  off: number;
  /** Not computed: they need weights, data or a campaign. Not counted as reproduced. */
  missing: number;
}

export function scoreOf({ paper, entries }: { paper: string; entries: readonly Entry[] }): Score {
  const reproduced = entries.filter(({ holds }) => holds === true);
  return {
    paper,
    entries: entries.length,
    reproduced: reproduced.length,
    derived: reproduced.filter((entry) => basisOf(entry) === 'derived').length,
    fitted: reproduced.filter((entry) => basisOf(entry) === 'fitted').length,
    synthetic: reproduced.filter((entry) => basisOf(entry) === 'synthetic').length,
    off: entries.filter(({ holds }) => holds === false).length,
    missing: entries.filter(({ holds }) => holds === undefined).length,
  };
}
