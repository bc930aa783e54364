import type { BitSerialMachineName } from '../cost/bit-serial-machines.ts';

/* What Anda's paper prints (HPCA 2025, arXiv 2411.15982). */

/** Mantissa bits of [qkv, o, up and gate, down]: one for each tensor type. */
export type Combination = readonly [number, number, number, number];

export interface AndaModel {
  name: string;
  /** From the public configuration. */
  layers: number;
  hidden: number;
  feedForward: number;
  /** LLaMA's feed-forward part has a gate beside up. */
  gated: boolean;
  /** Table II, WikiText2 rows: precision combination and BOPs saving within 0.1 % and 1 % of the accuracy. */
  strict: { combination: Combination; bops: number };
  relaxed: { combination: Combination; bops: number };
}

function model(
  name: string,
  [layers, hidden, feedForward]: readonly [number, number, number],
  strict: [Combination, number],
  relaxed: [Combination, number],
): AndaModel {
  return {
    name,
    layers,
    hidden,
    feedForward,
    gated: name.startsWith('LLaMA'),
    strict: { combination: strict[0], bops: strict[1] },
    relaxed: { combination: relaxed[0], bops: relaxed[1] },
  };
}

export const ANDA_MODELS: readonly AndaModel[] = [
  model('OPT-1.3B', [24, 2048, 8192], [[8, 6, 5, 5], 2.74], [[8, 5, 5, 4], 2.95]),
  model('OPT-2.7B', [32, 2560, 10240], [[7, 5, 5, 5], 2.91], [[6, 5, 5, 4], 3.25]),
  model('OPT-6.7B', [32, 4096, 16384], [[7, 5, 5, 4], 3.1], [[6, 4, 5, 4], 3.31]),
  model('LLaMA-7B', [32, 4096, 11008], [[9, 8, 8, 7], 1.99], [[7, 6, 6, 6], 2.56]),
  model('LLaMA2-7B', [32, 4096, 11008], [[9, 7, 8, 8], 1.96], [[7, 6, 6, 6], 2.56]),
  model('OPT-13B', [40, 5120, 20480], [[7, 6, 5, 5], 2.86], [[6, 6, 5, 4], 3.2]),
  model('LLaMA-13B', [40, 5120, 13824], [[10, 8, 8, 8], 1.88], [[7, 5, 6, 6], 2.59]),
  model('LLaMA2-13B', [40, 5120, 13824], [[10, 10, 8, 9], 1.8], [[7, 7, 6, 7], 2.44]),
  model('OPT-30B', [48, 7168, 28672], [[7, 5, 5, 4], 3.1], [[6, 4, 5, 4], 3.31]),
];

/** The comparison of processing elements: efficiencies relative to FP-FP. */
export const PE_EFFICIENCY: Readonly<Record<string, { area: number; energy: number }>> = {
  'fp-int': { area: 1.59, energy: 1.93 },
  ifpu: { area: 3.78, energy: 3.51 },
  figna: { area: 5.58, energy: 5.87 },
  'figna-m11': { area: 6.55, energy: 8.03 },
  'figna-m8': { area: 8.09, energy: 10.49 },
};

/**
 * Anda's elements with mantissas of 13 to 4 bits. Area efficiencies as printed; of the energy efficiencies the ends are
 * (5.74, 16.07), those between follow from 80.35 / (M + 1) [derived].
 */
export const ANDA_PE: readonly { mantissa: number; area: number; energy: number }[] = [
  4.96, 5.34, 5.79, 6.31, 6.95, 7.72, 8.68, 9.92, 11.58, 13.89,
].map((area, index) => ({
  mantissa: 13 - index,
  area,
  energy: Math.round((100 * 80.35) / (14 - index)) / 100,
}));

/** A machine of the system figures; Anda twice, by the accuracy that its precisions keep. */
export type SystemKey = Exclude<BitSerialMachineName, 'anda'> | 'anda-0.1%' | 'anda-1%';

/** Fig. 16: geometric means over the nine models, WikiText2, batch 1, relative to FP-FP. */
export const SYSTEM_MEANS: readonly { key: SystemKey; speed: number; area: number; energy: number }[] = [
  { key: 'fp-int', speed: 1, area: 1.23, energy: 1.25 },
  { key: 'ifpu', speed: 1, area: 1.6, energy: 1.42 },
  { key: 'figna', speed: 1, area: 1.72, energy: 1.53 },
  { key: 'figna-m11', speed: 1.45, area: 2.55, energy: 1.69 },
  { key: 'figna-m8', speed: 2, area: 3.6, energy: 1.94 },
  { key: 'anda-0.1%', speed: 2.14, area: 3.47, energy: 3.07 },
  { key: 'anda-1%', speed: 2.49, area: 4.03, energy: 3.16 },
];

/** Fig. 17, LLaMA-13B: energy in hundredths of FP-FP's. Rounded as printed, FP-FP's add up to 101. */
export const ENERGY_SPLIT: readonly { key: SystemKey; compute: number; sram: number; dram: number }[] = [
  { key: 'fp-fp', compute: 42, sram: 11, dram: 48 },
  { key: 'anda-0.1%', compute: 5, sram: 5, dram: 24 },
  { key: 'anda-1%', compute: 4, sram: 5, dram: 24 },
];
