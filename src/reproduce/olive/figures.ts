import type { ModelName } from './models.ts';

/*
 * Heights of OliVe's bars (ISCA 2023), read off the published figures: about 0.02 of speed and 0.01 of energy uncertain.
 */

type PerModel<T> = Record<ModelName, T>;

/** Fig. 10a: speed of the accelerators; AdaFloat's own bar, 1 by definition, reads 1.02. */
export const ACCELERATOR_SPEED: Record<'olive' | 'ant' | 'olaccel' | 'adafloat', PerModel<number>> = {
  olive: { 'BERT-base': 4.77, 'BERT-large': 4.56, 'BART-base': 4.77, 'GPT2-XL': 4.77, 'BLOOM-7B1': 4.56 },
  ant: { 'BERT-base': 1.23, 'BERT-large': 1.19, 'BART-base': 1.58, 'GPT2-XL': 1.4, 'BLOOM-7B1': 1.33 },
  olaccel: { 'BERT-base': 1.3, 'BERT-large': 1.3, 'BART-base': 1.3, 'GPT2-XL': 1.3, 'BLOOM-7B1': 1.3 },
  adafloat: { 'BERT-base': 1.02, 'BERT-large': 1.02, 'BART-base': 1.02, 'GPT2-XL': 1.02, 'BLOOM-7B1': 1.02 },
};

/** Static, DRAM, buffer, core. */
export type EnergyParts = readonly [number, number, number, number];

/** Fig. 10b: energy of the accelerators; AdaFloat's whole bar is 1. */
export const ACCELERATOR_ENERGY: Record<'olive' | 'ant' | 'olaccel' | 'adafloat', PerModel<EnergyParts>> = {
  olive: {
    'BERT-base': [0.08, 0.032, 0.088, 0.064],
    'BERT-large': [0.08, 0.032, 0.088, 0.064],
    'BART-base': [0.08, 0.032, 0.088, 0.064],
    'GPT2-XL': [0.08, 0.032, 0.096, 0.064],
    'BLOOM-7B1': [0.088, 0.032, 0.104, 0.056],
  },
  ant: {
    'BERT-base': [0.304, 0.136, 0.264, 0.216],
    'BERT-large': [0.312, 0.152, 0.256, 0.224],
    'BART-base': [0.232, 0.112, 0.24, 0.168],
    'GPT2-XL': [0.272, 0.152, 0.224, 0.2],
    'BLOOM-7B1': [0.312, 0.168, 0.248, 0.224],
  },
  olaccel: {
    'BERT-base': [0.288, 0.12, 0.104, 0.056],
    'BERT-large': [0.28, 0.104, 0.096, 0.064],
    'BART-base': [0.28, 0.12, 0.104, 0.056],
    'GPT2-XL': [0.304, 0.088, 0.096, 0.064],
    'BLOOM-7B1': [0.312, 0.048, 0.112, 0.056],
  },
  adafloat: {
    'BERT-base': [0.368, 0.216, 0.184, 0.232],
    'BERT-large': [0.368, 0.216, 0.184, 0.232],
    'BART-base': [0.36, 0.208, 0.192, 0.232],
    'GPT2-XL': [0.384, 0.16, 0.208, 0.24],
    'BLOOM-7B1': [0.408, 0.12, 0.224, 0.256],
  },
};

/** The abstract and §5: OliVe over each, geometric mean of the models. */
export const OLIVE_OVER = {
  adafloat: { speed: 4.8, energy: 3.7 },
  olaccel: { speed: 3.8, energy: 2.1 },
  ant: { speed: 3.7, energy: 3.3 },
} as const;

/** Fig. 9a: speed over GOBO on the GPU. */
export const GPU_SPEED: Record<'olive' | 'ant' | 'int8', PerModel<number>> = {
  olive: { 'BERT-base': 4.88, 'BERT-large': 3.27, 'BART-base': 4.78, 'GPT2-XL': 5.92, 'BLOOM-7B1': 3.83 },
  ant: { 'BERT-base': 2.75, 'BERT-large': 1.7, 'BART-base': 3.17, 'GPT2-XL': 3.65, 'BLOOM-7B1': 2.13 },
  int8: { 'BERT-base': 2.56, 'BERT-large': 1.66, 'BART-base': 2.51, 'GPT2-XL': 3.36, 'BLOOM-7B1': 1.99 },
};

/** Fig. 9: geometric means as its labels print them; energy as a share of GOBO's. */
export const GPU_GEOMEAN = {
  olive: { speed: 4.5, energy: 0.25 },
  ant: { speed: 2.7, energy: 0.43 },
  int8: { speed: 2.4, energy: 0.49 },
} as const;

/** Fig. 9b: what GOBO's own energy is made of, geometric mean; constant and static power are what the rest leaves. */
export const GOBO_ENERGY = { dram: 0.036, onChip: 0.036, core: 0.114 } as const;

/**
 * ANT's public simulator, results/ant_res.csv, normalised to AdaFloat: cycles, then static, DRAM, buffer, core, as printed
 * to two decimals.
 */
export const ANT_RESULTS: Record<
  'MNLI' | 'CoLA' | 'SST-2',
  Record<'ant' | 'antWeightStationary' | 'bitfusion' | 'olaccel', { cycles: number; energy: EnergyParts }>
> = {
  MNLI: {
    ant: { cycles: 0.25, energy: [0.09, 0.04, 0.1, 0.07] },
    antWeightStationary: { cycles: 0.25, energy: [0.09, 0.04, 0.2, 0.07] },
    bitfusion: { cycles: 0.72, energy: [0.26, 0.14, 0.17, 0.19] },
    olaccel: { cycles: 0.78, energy: [0.29, 0.12, 0.1, 0.06] },
  },
  CoLA: {
    ant: { cycles: 0.26, energy: [0.1, 0.04, 0.1, 0.07] },
    antWeightStationary: { cycles: 0.26, energy: [0.1, 0.05, 0.2, 0.07] },
    bitfusion: { cycles: 0.86, energy: [0.31, 0.17, 0.19, 0.23] },
    olaccel: { cycles: 0.78, energy: [0.29, 0.12, 0.1, 0.06] },
  },
  'SST-2': {
    ant: { cycles: 0.21, energy: [0.08, 0.03, 0.09, 0.06] },
    antWeightStationary: { cycles: 0.21, energy: [0.08, 0.04, 0.19, 0.06] },
    bitfusion: { cycles: 0.63, energy: [0.23, 0.11, 0.15, 0.17] },
    olaccel: { cycles: 0.78, energy: [0.29, 0.12, 0.1, 0.06] },
  },
};
