import type { Constant } from '../contract.ts';
import type { FusedArray, FusedMemory } from './array.ts';
import type { FusedPower } from './energy.ts';

const SIMULATOR = "ANT's public simulator (github.com/clevercool/ANT-Quantization, ant_simulator)";

/**
 * The machines of OliVe's Fig. 10: equal area, so that simpler multipliers are more. Sizes and widths: the `conf_*.ini`
 * files of ANT's public simulator; OliVe: Table 11 (4096 four-bit PEs, 64 × 64).
 */
export const OLIVE_ARRAYS = {
  olive: outputStationary(32, 32),
  ant: outputStationary(32, 32),
  antWeightStationary: { ...outputStationary(32, 32), dataflow: 'weight-stationary' },
  bitfusion: outputStationary(32, 32),
  olaccel: outputStationary(16, 18),
  adafloat: outputStationary(32, 28),
} satisfies Record<string, FusedArray>;

function outputStationary(rows: number, columns: number): FusedArray {
  return { rows, columns, dataflow: 'output-stationary', maxBits: 8, minBits: 4 };
}

/** Shared by all of them. */
export const OLIVE_MEMORY: FusedMemory = {
  weightBytes: 128 * 1024,
  inputBytes: 256 * 1024,
  outputBytes: 128 * 1024,
  dramBitsPerCycle: 1024,
  accessEnergy: {
    weight: buffer('weight buffer, 32 banks of 4 KiB, 512-bit words', 0.0168924, 0.0203422, 512),
    input: buffer('input buffer, 32 banks of 8 KiB, 512-bit words', 0.0177688, 0.0248866, 512),
    output: buffer('output buffer, 1024 banks of 128 B, 32-bit words', 0.000294945, 0.000415925, 32),
    dram: {
      read: perBit(0.644304, 1024, `${SIMULATOR}, stats.py, get_energy_breakdown: 0.644304 nJ for 1024 bits`),
      write: perBit(
        0.784104,
        1024,
        `${SIMULATOR}, stats.py, get_energy_breakdown: 0.784104 nJ for 1024 bits`,
      ),
    },
  },
};

/** Bits of a partial sum where it leaves the array. Source: the simulator's `oprec`. */
export const OUTPUT_BITS = 16;

export const OLIVE_POWER: FusedPower = {
  frequency: { value: 500e6, unit: 'Hz', source: `${SIMULATOR}, conf_ant.ini` },
  static: {
    value: 484.615,
    unit: 'mW',
    source: `${SIMULATOR}, stats.py, get_energy_breakdown: leakage of the memories, 484.615 / 500 nJ a cycle`,
  },
  multiplierLeakage: {
    value: 64_314,
    unit: 'nW',
    source: `${SIMULATOR}, systolic_array_synth.csv: one 8/4-bit PE, 28 nm`,
  },
  multiplierDynamic: {
    value: 279_960,
    unit: 'nW',
    source: `${SIMULATOR}, systolic_array_synth.csv: one 8/4-bit PE, 28 nm, at 500 MHz`,
  },
};

function buffer(what: string, readNanojoules: number, writeNanojoules: number, bits: number) {
  const source = `CACTI, 28 nm, ${what}, as tabled in ${SIMULATOR}, cacti_sweep.csv`;
  return { read: perBit(readNanojoules, bits, source), write: perBit(writeNanojoules, bits, source) };
}

function perBit(nanojoules: number, bits: number, source: string): Constant {
  return { value: (nanojoules * 1e3) / bits, unit: 'pJ/bit', source };
}
