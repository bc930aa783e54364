import type { BitSerialArray, ElementKind } from './bit-serial.ts';
import type { Constant } from './contract.ts';

/*
 * Anda's machine and the six that its paper compares it with: one array of 16 x 16 elements each, the same buffers, the
 * same clock. An element of a baseline is scaled so that a group of 64 takes 16 cycles, as long as Anda's would with 15
 * mantissa bits: all baselines reach FP-FP's throughput (Fig. 16), but for FIGNA with shorter mantissas.
 */

/** 16 nm, 0.8 V. Area and power of an element relative to FP-FP's. */
export interface BitSerialMachine {
  name: BitSerialMachineName;
  summary: string;
  array: BitSerialArray;
  area: Constant;
  power: Constant;
  /** Whether activations lie in memory in Anda's format, which needs the compressor. */
  compresses: boolean;
}

export const BIT_SERIAL_MACHINE_NAMES = [
  'fp-fp',
  'fp-int',
  'ifpu',
  'figna',
  'figna-m11',
  'figna-m8',
  'anda',
] as const;
export type BitSerialMachineName = (typeof BIT_SERIAL_MACHINE_NAMES)[number];

const INT4 = 4;
const PE_FIGURE = 'Anda (HPCA 2025), Fig. 15a and b, relative to FP-FP';

/** name, summary, element, area, power. */
const ROWS: [BitSerialMachineName, string, ElementKind, number, number][] = [
  ['fp-fp', 'FP16 tensor core, INT4 weights dequantised', parallel(16, 'float'), 1, 1],
  ['fp-int', 'FP16 times INT4 units', parallel(16, INT4), 0.63, 0.52],
  ['ifpu', 'aligned mantissas, one bit plane of the weights at a time', serialWeights(4), 0.26, 0.28],
  ['figna', 'block floating point, 14-bit integers', parallel(16, INT4), 0.18, 0.17],
  // Fig. 16's speedups are 16/11 and 16/8: time goes with the mantissa, though the elements are bit-parallel [derived].
  ['figna-m11', 'FIGNA with 11-bit mantissas', parallel(11, INT4), 0.15, 0.12],
  ['figna-m8', 'FIGNA with 8-bit mantissas', parallel(8, INT4), 0.12, 0.1],
  ['anda', 'one bit plane of the activations at a time', serialActivations(1), 0.23, 0.2],
];

export const BIT_SERIAL_MACHINES = Object.fromEntries(
  ROWS.map(([name, summary, element, area, power]): [string, BitSerialMachine] => [
    name,
    {
      name,
      summary,
      array: { name, rows: 16, columns: 16, group: 64, element },
      area: { value: area, unit: 'x', source: PE_FIGURE },
      power: { value: power, unit: 'x', source: PE_FIGURE },
      compresses: name === 'anda',
    },
  ]),
) as Record<BitSerialMachineName, BitSerialMachine>;

const SYSTEM_TABLE = 'Anda (HPCA 2025), Table III, 16 nm, 285 MHz, 0.8 V, LLaMA-13B within 1 %';

function part(area: number, power: number): { area: Constant; power: Constant } {
  return {
    area: { value: area, unit: 'mm2', source: SYSTEM_TABLE },
    power: { value: power, unit: 'mW', source: SYSTEM_TABLE },
  };
}

/** Of Anda's system. */
export const ANDA_PARTS = {
  array: part(0.41, 54.34),
  compressor: part(0.07, 1.06),
  vectorUnit: part(0.05, 0.87),
  activationBuffer: part(0.87, 16.94),
  weightBuffer: part(0.8, 7.96),
  controller: part(0.01, 0.01),
} as const;

/** As printed; the rounded parts add up to 2.21 mm2 and 81.18 mW. */
export const ANDA_TOTAL = part(2.17, 81.18);

export const ANDA_CLOCK: Constant = { value: 285e6, unit: 'Hz', source: SYSTEM_TABLE };
export const ANDA_DRAM = {
  energy: { value: 3.9, unit: 'pJ/bit', source: 'HBM2; Anda (HPCA 2025), section V-A' },
  bandwidth: { value: 256e9 * 8, unit: 'bit/s', source: 'HBM2, 256 GB/s; Anda (HPCA 2025), section V-A' },
} as const satisfies Record<string, Constant>;

const MEBIBIT = 8 * 2 ** 20;
/** 1 MB of mantissas (and signs) with 0.125 MB of exponents; 1 MB of weights. MB taken as 2^20 bytes. */
export const ANDA_BUFFERS = { activationBits: 1.125 * MEBIBIT, weightBits: MEBIBIT } as const;

function parallel(cyclesPerGroup: number, weightBits: number | 'float'): ElementKind {
  return { kind: 'bit-parallel', cyclesPerGroup, weightBits };
}

function serialWeights(cyclesPerBit: number): ElementKind {
  return { kind: 'weight-serial', cyclesPerBit };
}

function serialActivations(setupCycles: number): ElementKind {
  return { kind: 'activation-serial', setupCycles, weightBits: INT4 };
}
