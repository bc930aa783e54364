import { InputError } from '../errors.ts';
import type { ArrayModel } from './array-model.ts';
import { type SystolicMemory, systolicCost } from './systolic/index.ts';

/** SCALE-Sim's systolic arrays. */
export const systolicModel: ArrayModel = {
  run({ gemm, array, bits, memory, dramBitsPerCycle, dramPerOperand, partialBits }) {
    const { rows, columns, dataflow } = array;
    if (!dataflow) {
      throw new InputError('expected a dataflow, which the cycles depend on; found none', {
        place: { key: 'array.dataflow' },
        note: 'known: input-stationary, output-stationary, weight-stationary',
      });
    }
    const sram: SystolicMemory | undefined = memory && {
      inputBits: 8 * memory.input,
      weightBits: 8 * memory.weight,
      outputBits: 8 * memory.output,
      dramBitsPerCycle,
      dramPerOperand,
    };
    const shape = {
      rows: rows!,
      columns: columns!,
      dataflow,
      partialBits: Math.max(partialBits, bits.output),
    };
    const cost = systolicCost(gemm, shape, bits, sram);
    const { input, weight, output } = cost.operands;
    const buffer = ({ sramReads: reads, sramWrites: writes }: typeof input) => ({ reads, writes });
    return {
      cost,
      buffers: { input: buffer(input), weight: buffer(weight), output: buffer(output) },
      folds: cost.folds * BigInt(gemm.count),
    };
  },
  peak: ({ rows, columns }) => rows! * columns!,
  multipliers: ({ rows, columns }) => rows! * columns!,
  tabled: true,
  notModelled: [
    "the array's control and leakage, and its registers unless mac-energy and mac-area count them",
  ],
};
