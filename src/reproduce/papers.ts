import { InputError, suggest } from '../errors.ts';
import type { Entry, Reproduction } from './entry.ts';

/** The papers, each loaded when it is asked for: a line a paper. */
const PAPERS: Readonly<Record<string, () => Promise<Reproduction>>> = {
  anda: async () => (await import('./anda.ts')).reproduceAnda(),
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

export interface Score {
  paper: string;
  entries: number;
  /** Within their tolerance. */
  reproduced: number;
  /** Computed, but beyond it. */
  off: number;
  /** Not computed: they need weights, data or a campaign. Not counted as reproduced. */
  missing: number;
}

export function scoreOf({ paper, entries }: { paper: string; entries: readonly Entry[] }): Score {
  const count = (verdict: boolean | undefined) => entries.filter(({ holds }) => holds === verdict).length;
  return {
    paper,
    entries: entries.length,
    reproduced: count(true),
    off: count(false),
    missing: count(undefined),
  };
}
