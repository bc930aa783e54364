import type { TensorFormat } from '../../formats/index.ts';
import type { Kernels } from '../../kernels/index.ts';
import type { WeightMatrix } from '../../model/index.ts';
import { type QuantizedWeight, shared } from './quantized-weight.ts';

/** Round to nearest: the format's own fit, and each weight for itself. */
export function rtn(kernels: Kernels, weight: WeightMatrix, format: TensorFormat): QuantizedWeight {
  const { data, outputs, inputs } = weight;
  const mark = kernels.mark();
  try {
    return rounded(kernels, kernels.load(data), outputs, inputs, format);
  } finally {
    kernels.release(mark);
  }
}

/** The same of a weight in the kernel memory, which becomes its elements. */
export function rounded(
  kernels: Kernels,
  x: Float32Array,
  outputs: number,
  inputs: number,
  format: TensorFormat,
): QuantizedWeight {
  const fit = format.fit(kernels, x, inputs);
  format.round(kernels, x, inputs, fit, 'elements');
  return { outputs, inputs, elements: shared(x), fit };
}
