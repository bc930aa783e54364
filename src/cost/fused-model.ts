import { InputError } from '../errors.ts';
import type { ArrayShape } from '../machine/index.ts';
import type { ArrayModel } from './array-model.ts';
import type { Constant } from './contract.ts';
import { type FusedArray, fusedCost } from './fused/index.ts';

/** Where no technology gives energies, tilings of equal cycles are told apart by the bits that they move. */
const ONE: Constant = { value: 1, unit: 'pJ/bit', source: 'assumed: every bit alike' };
const ALIKE = { read: ONE, write: ONE };

/** Arrays whose multipliers split for narrow operands (BitFusion, ANT, OliVe), with their tiling search. */
export const fusedModel: ArrayModel = {
  run({ gemm, array, bits, memory, dramBitsPerCycle }) {
    if (!memory) {
      throw new InputError(
        'expected the capacities of the buffers, which the tiling search needs; found none',
        {
          place: { key: 'memory.sram' },
          note: 'such as memory: { sram: { input: 256 KiB, weight: 128 KiB, output: 128 KiB } }',
        },
      );
    }
    if (dramBitsPerCycle === undefined) {
      throw new InputError(
        'expected a DRAM bandwidth and a clock, which the tiling search needs; found none',
        {
          place: { key: 'memory.dram' },
          note: 'such as memory: { dram: { type: HBM2 } } and clock: 500 MHz',
        },
      );
    }
    const cost = fusedCost(gemm, shapeOf(array), bits, {
      inputBytes: memory.input,
      weightBytes: memory.weight,
      outputBytes: memory.output,
      // The search takes whole bits a cycle.
      dramBitsPerCycle: Math.max(1, Math.floor(dramBitsPerCycle)),
      accessEnergy: memory.energy ?? { input: ALIKE, weight: ALIKE, output: ALIKE, dram: ALIKE },
    });
    return { cost, buffers: cost.buffers };
  },
  peak({ rows, columns, multiplierBits, splitBits }, bits) {
    const split = (stored: number) =>
      Math.max(1, Math.floor(multiplierBits! / Math.max(Math.floor(stored), splitBits!)));
    return rows! * columns! * split(bits.input) * split(bits.weight);
  },
  multipliers: ({ rows, columns }) => rows! * columns!,
  // What a multiplier takes that splits is published for single designs only.
  tabled: false,
  notModelled: ["energy and area of multipliers that split: give technology's mac-energy and mac-area"],
};

function shapeOf({ rows, columns, dataflow, multiplierBits, splitBits }: ArrayShape): FusedArray {
  return {
    rows: rows!,
    columns: columns!,
    dataflow: dataflow === 'weight-stationary' ? dataflow : 'output-stationary',
    maxBits: multiplierBits!,
    minBits: splitBits!,
  };
}
