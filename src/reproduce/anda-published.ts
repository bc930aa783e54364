import type { BitSerialMachineName } from '../cost/bit-serial-machines.ts';

/* What Anda's paper prints (HPCA 2025, arXiv 2411.15982). */

/** Mantissa bits of [qkv, o, up and gate, down]: one for each tensor type. */
export type Combination = readonly [number, number, number, number];

/** The share of the accuracy that the search may give up. */
export type Loss = '0.1%' | '1%';
export const LOSSES: readonly Loss[] = ['0.1%', '1%'];

export const DATASETS = ['wikitext2', 'ptb', 'c4'] as const;
export type Dataset = (typeof DATASETS)[number];

/** Fig. 14's precision combinations, and the BOPs savings of Table II. */
type Precisions = Readonly<Record<Dataset, Record<Loss, { combination: Combination; bops: number }>>>;

export interface AndaModel {
  name: string;
  /** From the public configuration. */
  layers: number;
  hidden: number;
  feedForward: number;
  /** "The maximum acceptable input sequence length" (section V-A). */
  context: number;
  /** LLaMA's feed-forward part has a gate beside up. */
  gated: boolean;
  precisions: Precisions;
}

function model(
  name: string,
  [layers, hidden, feedForward]: readonly [number, number, number],
  context: number,
  precisions: Precisions,
): AndaModel {
  return { name, layers, hidden, feedForward, context, gated: name.startsWith('LLaMA'), precisions };
}

export const ANDA_MODELS: readonly AndaModel[] = [
  model('OPT-1.3B', [24, 2048, 8192], 2048, {
    wikitext2: {
      '0.1%': { combination: [8, 6, 5, 5], bops: 2.74 },
      '1%': { combination: [8, 5, 5, 4], bops: 2.95 },
    },
    ptb: {
      '0.1%': { combination: [11, 8, 10, 9], bops: 1.64 },
      '1%': { combination: [8, 7, 7, 6], bops: 2.31 },
    },
    c4: {
      '0.1%': { combination: [9, 8, 9, 8], bops: 1.86 },
      '1%': { combination: [7, 6, 7, 6], bops: 2.43 },
    },
  }),
  model('OPT-2.7B', [32, 2560, 10240], 2048, {
    wikitext2: {
      '0.1%': { combination: [7, 5, 5, 5], bops: 2.91 },
      '1%': { combination: [6, 5, 5, 4], bops: 3.25 },
    },
    ptb: {
      '0.1%': { combination: [8, 6, 8, 7], bops: 2.13 },
      '1%': { combination: [6, 5, 6, 6], bops: 2.7 },
    },
    c4: {
      '0.1%': { combination: [8, 7, 8, 7], bops: 2.11 },
      '1%': { combination: [6, 5, 6, 5], bops: 2.86 },
    },
  }),
  model('OPT-6.7B', [32, 4096, 16384], 2048, {
    wikitext2: {
      '0.1%': { combination: [7, 5, 5, 4], bops: 3.1 },
      '1%': { combination: [6, 4, 5, 4], bops: 3.31 },
    },
    ptb: {
      '0.1%': { combination: [8, 6, 7, 7], bops: 2.23 },
      '1%': { combination: [6, 5, 6, 5], bops: 2.86 },
    },
    c4: {
      '0.1%': { combination: [8, 6, 7, 7], bops: 2.23 },
      '1%': { combination: [6, 5, 6, 4], bops: 3.05 },
    },
  }),
  model('LLaMA-7B', [32, 4096, 11008], 2048, {
    wikitext2: {
      '0.1%': { combination: [9, 8, 8, 7], bops: 1.99 },
      '1%': { combination: [7, 6, 6, 6], bops: 2.56 },
    },
    ptb: {
      '0.1%': { combination: [8, 7, 7, 7], bops: 2.21 },
      '1%': { combination: [6, 7, 6, 7], bops: 2.54 },
    },
    c4: { '0.1%': { combination: [8, 6, 7, 8], bops: 2.16 }, '1%': { combination: [6, 5, 6, 6], bops: 2.7 } },
  }),
  model('LLaMA2-7B', [32, 4096, 11008], 4096, {
    wikitext2: {
      '0.1%': { combination: [9, 7, 8, 8], bops: 1.96 },
      '1%': { combination: [7, 6, 6, 6], bops: 2.56 },
    },
    ptb: {
      '0.1%': { combination: [7, 8, 8, 6], bops: 2.19 },
      '1%': { combination: [7, 6, 7, 6], bops: 2.39 },
    },
    c4: {
      '0.1%': { combination: [8, 6, 8, 8], bops: 2.04 },
      '1%': { combination: [6, 6, 6, 6], bops: 2.67 },
    },
  }),
  model('OPT-13B', [40, 5120, 20480], 2048, {
    wikitext2: {
      '0.1%': { combination: [7, 6, 5, 5], bops: 2.86 },
      '1%': { combination: [6, 6, 5, 4], bops: 3.2 },
    },
    ptb: {
      '0.1%': { combination: [9, 9, 8, 9], bops: 1.84 },
      '1%': { combination: [6, 6, 6, 6], bops: 2.67 },
    },
    c4: {
      '0.1%': { combination: [8, 6, 7, 7], bops: 2.23 },
      '1%': { combination: [6, 5, 6, 5], bops: 2.86 },
    },
  }),
  model('LLaMA-13B', [40, 5120, 13824], 2048, {
    wikitext2: {
      '0.1%': { combination: [10, 8, 8, 8], bops: 1.88 },
      '1%': { combination: [7, 5, 6, 6], bops: 2.59 },
    },
    ptb: {
      '0.1%': { combination: [8, 7, 6, 7], bops: 2.35 },
      '1%': { combination: [6, 6, 6, 6], bops: 2.67 },
    },
    c4: { '0.1%': { combination: [8, 6, 7, 8], bops: 2.16 }, '1%': { combination: [6, 5, 6, 6], bops: 2.7 } },
  }),
  model('LLaMA2-13B', [40, 5120, 13824], 4096, {
    wikitext2: {
      '0.1%': { combination: [10, 10, 8, 9], bops: 1.8 },
      '1%': { combination: [7, 7, 6, 7], bops: 2.44 },
    },
    ptb: {
      '0.1%': { combination: [7, 4, 5, 6], bops: 2.84 },
      '1%': { combination: [6, 5, 5, 6], bops: 2.92 },
    },
    c4: { '0.1%': { combination: [8, 7, 7, 8], bops: 2.14 }, '1%': { combination: [6, 5, 6, 6], bops: 2.7 } },
  }),
  model('OPT-30B', [48, 7168, 28672], 2048, {
    wikitext2: {
      '0.1%': { combination: [7, 5, 5, 4], bops: 3.1 },
      '1%': { combination: [6, 4, 5, 4], bops: 3.31 },
    },
    ptb: {
      '0.1%': { combination: [8, 6, 8, 6], bops: 2.23 },
      '1%': { combination: [6, 5, 6, 5], bops: 2.86 },
    },
    c4: {
      '0.1%': { combination: [7, 6, 7, 7], bops: 2.31 },
      '1%': { combination: [6, 4, 6, 4], bops: 3.09 },
    },
  }),
];

/** Fig. 15c and d: efficiencies of the processing elements, relative to FP-FP's. */
export const PE_EFFICIENCY: Readonly<Record<string, { area: number; energy: number }>> = {
  'fp-int': { area: 1.59, energy: 1.93 },
  ifpu: { area: 3.78, energy: 3.51 },
  figna: { area: 5.58, energy: 5.87 },
  'figna-m11': { area: 6.55, energy: 8.03 },
  'figna-m8': { area: 8.09, energy: 10.49 },
};

/** Fig. 15c and d: Anda's with mantissas of 13 to 4 bits. */
export const ANDA_PE: readonly { mantissa: number; area: number; energy: number }[] = [
  { mantissa: 13, area: 4.96, energy: 5.74 },
  { mantissa: 12, area: 5.34, energy: 6.18 },
  { mantissa: 11, area: 5.79, energy: 6.69 },
  { mantissa: 10, area: 6.31, energy: 7.3 },
  { mantissa: 9, area: 6.95, energy: 8.03 },
  { mantissa: 8, area: 7.72, energy: 8.93 },
  { mantissa: 7, area: 8.68, energy: 10.04 },
  { mantissa: 6, area: 9.92, energy: 11.48 },
  { mantissa: 5, area: 11.58, energy: 13.39 },
  { mantissa: 4, area: 13.89, energy: 16.07 },
];

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

/**
 * Fig. 17, LLaMA-13B: energy in hundredths of FP-FP's (whose rounded parts add up to 101), and the whole's improvement.
 */
export const ENERGY_SPLIT: readonly {
  key: SystemKey;
  compute: number;
  sram: number;
  dram: number;
  improvement: number;
}[] = [
  { key: 'fp-fp', compute: 42, sram: 11, dram: 48, improvement: 1 },
  { key: 'fp-int', compute: 22, sram: 11, dram: 48, improvement: 1.25 },
  { key: 'ifpu', compute: 12, sram: 11, dram: 48, improvement: 1.43 },
  { key: 'figna', compute: 7, sram: 11, dram: 48, improvement: 1.53 },
  { key: 'figna-m11', compute: 5, sram: 11, dram: 48, improvement: 1.58 },
  { key: 'figna-m8', compute: 4, sram: 11, dram: 48, improvement: 1.61 },
  { key: 'anda-0.1%', compute: 5, sram: 5, dram: 24, improvement: 2.96 },
  { key: 'anda-1%', compute: 4, sram: 5, dram: 24, improvement: 3.13 },
];

/** Section V-F, LLaMA-13B on WikiText2: the only numbers of a single model that are printed as text. */
export const TRADE_OFF = {
  '0.1%': { speed: 1.73, energy: 2.95 },
  '5%': { speed: 2.74, energy: 3.22 },
} as const;
