import { InputError } from '../errors.ts';
import type { ArrayShape } from '../machine/index.ts';
import type { ArrayModel } from './array-model.ts';
import { type BitSerialArray, bitSerialCost, groupCycles } from './bit-serial.ts';
import { BIT_SERIAL_MACHINES } from './bit-serial-machines.ts';
import type { SiteOperands, StoredOperand } from './stored-bits.ts';

/** Significand of a float16, hidden bit included: what a block of aligned mantissas starts from. */
const FLOAT16_MANTISSA = 11;

/** Anda's array and its baselines, of any size. Weights are integers, activations floats or mantissas with a shared exponent. */
export const bitSerialModel: ArrayModel = {
  run({ gemm, array, operands, bits, memory, dramBitsPerCycle }) {
    const buffers = memory && {
      // Outputs go through the activation buffer.
      activationBits: 8 * (memory.input + memory.output),
      weightBits: 8 * memory.weight,
      ...(dramBitsPerCycle !== undefined && { dramBitsPerCycle }),
    };
    const widths = multiplied(operands, gemm.weight);
    return {
      cost: bitSerialCost(gemm, shapeOf(array), { ...widths, stored: bits }, buffers),
      buffers: undefined,
    };
  },
  peak(array, _, operands) {
    const shape = shapeOf(array);
    const cycles = groupCycles(shape, {
      ...multiplied(operands, true),
      stored: { input: 1, weight: 1, output: 1 },
    });
    return (array.rows! * array.columns! * shape.group) / Number(cycles);
  },
  multipliers: () => undefined,
  tabled: false,
  notModelled: [
    "energy and area of the array and its buffers: Anda's own figures are under tapeout reproduce anda",
  ],
};

function shapeOf({ design, rows, columns }: ArrayShape): BitSerialArray {
  return { ...BIT_SERIAL_MACHINES[design!].array, rows: rows!, columns: columns! };
}

function multiplied({ weights, activations }: SiteOperands, weight: boolean) {
  return { mantissa: mantissaOf(activations), weight: weight ? widthOf(weights) : FLOAT16_MANTISSA };
}

function mantissaOf({ format, settings }: StoredOperand): number {
  if (typeof settings.mantissa === 'number') return settings.mantissa;
  if (format === 'float16') return FLOAT16_MANTISSA;
  const width = integerWidth(format);
  if (width !== undefined) return width;
  throw new InputError(`activations in ${format} have no mantissa that a bit-serial array takes`, {
    note: 'known: anda, float16 and integers',
  });
}

/** Floats are multiplied whole, by elements that take them. */
function widthOf({ format }: StoredOperand): number {
  return integerWidth(format) ?? 16;
}

function integerWidth(format: string): number | undefined {
  const digits = /^int(\d+)$/.exec(format)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
