import { InputError } from '../errors.ts';
import type { ArrayShape } from '../machine/index.ts';
import type { ArrayModel } from './array-model.ts';
import { type Gpu, gpuCost, RTX_2080_TI, type TensorBits } from './gpu.ts';
import type { SiteOperands, StoredOperand } from './stored-bits.ts';

const DEVICES: Record<NonNullable<ArrayShape['device']>, Gpu> = { 'rtx-2080-ti': RTX_2080_TI };

/** A GPU as a roofline with tile quantisation. Clock and bandwidth are the device's where the machine file has none. */
export const tensorCoreModel: ArrayModel = {
  run({ gemm, array, operands, bits, dramBitsPerCycle, clock }) {
    const device = DEVICES[array.device!];
    const hertz = clock ?? device.clock.value;
    const gpu: Gpu = {
      ...device,
      clock: { ...device.clock, value: Math.round(hertz) },
      ...(dramBitsPerCycle !== undefined && {
        dramBandwidth: { ...device.dramBandwidth, value: Math.round((dramBitsPerCycle * hertz) / 8) },
      }),
    };
    const cost = gpuCost(gemm, gpu, { bits, multiplyBits: multipliedBits(operands), unpack: undefined });
    return { cost, buffers: undefined };
  },
  peak(array, _, operands) {
    const { multiprocessors, tensor } = DEVICES[array.device!];
    return multiprocessors.value * tensor[multipliedBits(operands)].rate.value;
  },
  multipliers: () => undefined,
  tabled: false,
  clock: ({ device }) => DEVICES[device!].clock,
  bandwidth: ({ device }) => DEVICES[device!].dramBandwidth,
  constants({ device }) {
    const { multiprocessors, tensor, launch } = DEVICES[device!];
    return {
      multiprocessors,
      'multiply-accumulates of a multiprocessor, int4': tensor[4].rate,
      'multiply-accumulates of a multiprocessor, int8': tensor[8].rate,
      'multiply-accumulates of a multiprocessor, float16': tensor[16].rate,
      "a kernel's launch": launch,
    };
  },
  notModelled: [
    'energy and area of a GPU; unpacking of weights that are stored narrower than they are multiplied',
  ],
};

/** The narrowest width that tensor cores have for both operands. */
function multipliedBits({ weights, activations }: SiteOperands): TensorBits {
  const width = ({ format }: StoredOperand) =>
    format === 'float16' ? 16 : Number(/^int(\d+)$/.exec(format)?.[1] ?? Number.NaN);
  const widest = Math.max(width(weights), width(activations));
  const fitting = ([4, 8, 16] as const).find((bits) => widest <= bits);
  const integers = fitting === 16 && ![weights, activations].some(({ format }) => format === 'float16');
  if (fitting === undefined || integers) {
    throw new InputError(
      `${weights.format} × ${activations.format}: tensor cores multiply int4, int8 and float16`,
    );
  }
  return fitting;
}
