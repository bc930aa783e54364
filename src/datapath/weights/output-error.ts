import type { Gemm, Kernels } from '../../kernels/index.ts';

/** Values of a part of the errors: bounds what the product takes of the kernel memory. */
const CHUNK = 1 << 22;

/**
 * tr(E H Eᵀ) = 2/N Σ |E x|²: what errors E = W - Ŵ of a weight do to the output, over the inputs x that H = 2/N Σ x xᵀ
 * was made of. Products in float32, the sum over them in float64.
 *
 * @param errors [outputs, inputs], in the kernel memory
 * @param hessian [inputs, inputs], any buffer
 */
export async function outputError(
  kernels: Kernels,
  gemm: Gemm,
  errors: Float32Array,
  hessian: Float32Array,
  inputs: number,
): Promise<number> {
  const outputs = errors.length / inputs;
  const sums = await rowErrors(kernels, gemm, errors, hessian, outputs, inputs);
  return sums.reduce((sum, value) => sum + value, 0);
}

/** The same of each output: e H eᵀ of the rows of E. */
export async function rowErrors(
  kernels: Kernels,
  gemm: Gemm,
  errors: Float32Array,
  hessian: Float32Array,
  outputs: number,
  inputs: number,
): Promise<Float64Array> {
  const sums = new Float64Array(outputs);
  const step = Math.max(1, Math.floor(CHUNK / inputs));
  for (let from = 0; from < outputs; from += step) {
    const rows = Math.min(step, outputs - from);
    const mark = kernels.mark();
    const part = errors.subarray(from * inputs, (from + rows) * inputs);
    const product = kernels.floats(part.length);
    const shape = { m: rows, k: inputs, n: inputs, transposed: false };
    await gemm.float32(product, part, hessian, shape);
    kernels.algebra.rowDots(sums.subarray(from, from + rows), product, part);
    kernels.release(mark);
  }
  return sums;
}
