import type { TensorFormat } from '../../formats/index.ts';
import type { Gemm, Kernels } from '../../kernels/index.ts';
import type { WeightMatrix } from '../../model/index.ts';
import { clip } from './clip.ts';
import { outputError } from './output-error.ts';
import type { QuantizedWeight } from './quantized-weight.ts';
import { rounded } from './rtn.ts';
import { diagonalOf, type InputTransform, transformHessian, transformWeight } from './transform.ts';

/*
 * AWQ (Lin et al., MLSys 2024, eq. 4 and 5): channels whose activations are large get large factors, so that rounding hurts
 * them less. s_j = mean|x_j|^α, the input divided by s, the weight's columns multiplied. α is the one of 0, 1/20 .. 19/20
 * with the least output error of all weights that share the input, which is exact here:
 * tr((W - Ŵ) H (W - Ŵ)ᵀ), Ŵ = Q(W s) / s. The public code takes the output of a whole attention for q, k and v.
 *
 * As in the public code s is at least 1e-4 and is divided by √(max s · min s); with α = 0 it is 1, which is RTN: AWQ is
 * never worse on the data it was calibrated with. `clip`: its second search, see clip.ts; q and k are to be left out there
 * (the public code: their product is hard to clip for).
 */

/** Exponents tried: 0, 1/20 .. 19/20 (public code, n_grid). */
const GRID = 20;
const FLOOR = 1e-4;

export interface AwqStatistics {
  /** mean|x| of each channel, [inputs]. */
  meanAbs: Float32Array;
  /** 2/N Σ x xᵀ, [inputs, inputs], any buffer. */
  hessian: Float32Array;
}

export interface AwqResult {
  transform: InputTransform;
  weights: QuantizedWeight[];
  /** The exponent chosen, and the output error with it (before clipping). */
  alpha: number;
  error: number;
}

/**
 * Weights that share an input, quantised with AWQ.
 *
 * @param options.clip which of the weights are clipped; default none
 */
export async function awq(
  kernels: Kernels,
  gemm: Gemm,
  weights: readonly WeightMatrix[],
  format: TensorFormat,
  { meanAbs, hessian }: AwqStatistics,
  options: { clip?: (index: number) => boolean } = {},
): Promise<AwqResult> {
  const { inputs } = weights[0]!;
  let best: { alpha: number; error: number; transform: InputTransform } | undefined;
  for (let step = 0; step < GRID; step++) {
    const alpha = step / GRID;
    const transform = { diagonal: diagonalOf(awqFactors(meanAbs, alpha)) };
    let error = 0;
    for (const weight of weights)
      error += await errorWith(kernels, gemm, weight, format, transform.diagonal.input, transform, hessian);
    if (!best || error < best.error) best = { alpha, error, transform };
  }
  const { alpha, error, transform } = best!;
  const mark = kernels.mark();
  const clipped = weights.map((_, i) => options.clip?.(i) ?? false);
  let moments: Float32Array | undefined;
  if (clipped.includes(true)) {
    moments = kernels.load(hessian);
    transformHessian(kernels, moments, inputs, transform);
  }
  const quantized: QuantizedWeight[] = [];
  for (const [i, { data, outputs }] of weights.entries()) {
    const inner = kernels.mark();
    const x = kernels.load(data);
    transformWeight(kernels, x, inputs, transform);
    if (clipped[i]) await clip(kernels, gemm, x, inputs, format, moments!);
    quantized.push(rounded(kernels, x, outputs, inputs, format));
    kernels.release(inner);
  }
  kernels.release(mark);
  return { transform, weights: quantized, alpha, error };
}

/** s of an exponent, [inputs]. */
export function awqFactors(meanAbs: Float32Array, alpha: number): Float32Array {
  const factors = meanAbs.map((mean) => Math.max(mean ** alpha, FLOOR));
  const [low, high] = factors.reduce(
    ([least, most], factor) => [Math.min(least!, factor), Math.max(most!, factor)],
    [Number.POSITIVE_INFINITY, 0],
  );
  const middle = Math.fround(Math.sqrt(low! * high!));
  return factors.map((factor) => factor / middle);
}

/** Output error of a weight that is rounded with the factors of a transform. */
async function errorWith(
  kernels: Kernels,
  gemm: Gemm,
  { data, inputs }: WeightMatrix,
  format: TensorFormat,
  inverse: Float32Array,
  transform: InputTransform,
  hessian: Float32Array,
): Promise<number> {
  const mark = kernels.mark();
  const scaled = kernels.load(data);
  transformWeight(kernels, scaled, inputs, transform);
  const errors = kernels.load(scaled);
  format.round(kernels, errors, inputs, format.fit(kernels, scaled, inputs), 'values');
  kernels.algebra.addScaledRows(errors, scaled, Float32Array.of(-1));
  kernels.multiplyRow(errors, inverse);
  const error = await outputError(kernels, gemm, errors, hessian, inputs);
  kernels.release(mark);
  return error;
}
