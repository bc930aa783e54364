import type { Kernels } from '../kernels/index.ts';
import type { WeightMatrix } from '../model/index.ts';

/** Smallest factor and smallest weight maximum (SmoothQuant's public code). */
const FLOOR = 1e-5;

/**
 * SmoothQuant's factors (Xiao et al., ICML 2023, eq. 4): s_j = max|X_j|^α / max|W_j|^(1-α) for input channel j, over all
 * weights that read the input. Activations are divided by s, weight columns multiplied, the product unchanged.
 *
 * @param inputMax max|X_j|, [inputs]
 * @param alpha how far the difficulty moves into the weights, 0..1
 */
export function smoothingFactors(
  kernels: Kernels,
  inputMax: Float32Array,
  weights: readonly WeightMatrix[],
  alpha: number,
): Float32Array {
  const mark = kernels.mark();
  const weightMax = kernels.floats(inputMax.length).fill(0);
  for (const { data, inputs, outputs } of weights) {
    const step = Math.max(1, Math.floor((1 << 20) / inputs));
    for (let from = 0; from < outputs; from += step) {
      const inner = kernels.mark();
      kernels.columnAbsMax(
        weightMax,
        kernels.load(data.subarray(from * inputs, (from + step) * inputs)),
        inputs,
      );
      kernels.release(inner);
    }
  }
  const factors = inputMax.map((x, j) => {
    const w = Math.max(weightMax[j]!, FLOOR);
    return Math.max(Math.fround(x ** alpha) / Math.fround(w ** (1 - alpha)), FLOOR);
  });
  kernels.release(mark);
  return factors;
}
