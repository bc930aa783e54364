/* What ReaLM's paper prints (DAC 2025, arXiv 2503.24053), and what is read off its figures. */

/** Percent of the unprotected 256 x 256 array. */
export const OVERHEAD = {
  'weight-stationary': { area: 1.43, power: 1.82 },
  'output-stationary': { area: 1.42, power: 1.79 },
} as const;

/** A later scheme of the same group that sets results beyond a range to zero: percent of its array. */
export const RANGE_CHECK = { area: 0.08, power: 0.1 } as const;

export interface SweetSpot {
  model: string;
  component: string;
  volts: number;
  /** Percent, against ApproxABFT at its own best voltage. */
  saving: number;
}

function spots(
  model: string,
  rows: readonly [component: string, volts: number, saving: number][],
): SweetSpot[] {
  return rows.map(([component, volts, saving]) => ({ model, component, volts, saving }));
}

/** Table II: the best voltage of each component. */
export const SWEET_SPOTS: readonly SweetSpot[] = [
  ...spots('OPT-1.3B', [
    ['q', 0.7, 28.68],
    ['k', 0.72, 23.11],
    ['v', 0.65, 35.83],
    ['qk', 0.67, 33.54],
    ['sv', 0.75, 17.44],
    ['o', 0.82, 3.38],
    ['fc1', 0.75, 15.01],
    ['fc2', 0.83, 3.14],
  ]),
  ...spots('LLaMA-3-8B', [
    ['q', 0.71, 24.26],
    ['k', 0.72, 24.17],
    ['v', 0.7, 24.67],
    ['qk', 0.73, 19.46],
    ['sv', 0.66, 34.46],
    ['o', 0.83, 2.4],
    ['gate', 0.78, 10.21],
    ['up', 0.77, 16.56],
    ['down', 0.83, 3.12],
  ]),
];

/** Followed by a normalisation through the residual. */
export const SENSITIVE: readonly string[] = ['o', 'fc2', 'down'];

/** log2(freq) = slope log2(MSD) - offset, with a floor of frequency for resilient components. */
export interface CriticalRegion {
  slope: number;
  offset: number;
  /** log2; undefined: no floor. */
  floor: number | undefined;
}

/** Read off Fig. 6, OPT-1.3B [derived]; the parameters are not printed. */
export const REGIONS: Readonly<Record<'resilient' | 'sensitive', CriticalRegion>> = {
  resilient: { slope: 1.453, offset: 24.31, floor: 7.52 },
  sensitive: { slope: 1.566, offset: 25.63, floor: undefined },
};

/** What the two highlighted sweet spots keep of the quality. */
export const DEGRADATION: readonly { id: string; unit: string; value: number; note: string }[] = [
  {
    id: 'opt-1.3b.k.unprotected',
    unit: 'ppl',
    value: 18.54,
    note: 'OPT-1.3B, WikiText-2, K at 0.72 V',
  },
  { id: 'opt-1.3b.k.realm', unit: 'ppl', value: 0.29, note: 'OPT-1.3B, WikiText-2, K at 0.72 V' },
  { id: 'llama-3-8b.v.unprotected', unit: '%', value: 7.64, note: 'LLaMA-3-8B, HellaSwag, V at 0.70 V' },
  { id: 'llama-3-8b.v.realm', unit: '%', value: 0.47, note: 'LLaMA-3-8B, HellaSwag, V at 0.70 V' },
];
