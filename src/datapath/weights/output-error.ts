import type { Gemm, Kernels } from '../../kernels/index.ts';

/** Values of a part of the errors: bounds what the product takes of the kernel memory. */
const CHUNK = 1 << 22;
/** Rows of H at a time: of each block only what stands right of its diagonal is multiplied, and counts twice. */
const BLOCK = 512;

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
  for (let first = 0; first < inputs; first += BLOCK) {
    const count = Math.min(BLOCK, inputs - first);
    const width = inputs - first;
    const mark = kernels.mark();
    const right = kernels.floats(count * width);
    for (let r = 0; r < count; r++) {
      const row = (first + r) * inputs;
      right.set(hessian.subarray(row + first, row + inputs), r * width);
    }
    kernels.multiplyRow(right, new Float32Array(width).fill(2).fill(1, 0, count));
    for (let from = 0; from < outputs; from += step) {
      const rows = Math.min(step, outputs - from);
      const inner = kernels.mark();
      const part = errors.subarray(from * inputs, (from + rows) * inputs);
      const [left, tail, product] = [count, width, width].map((columns) => kernels.floats(rows * columns));
      kernels.algebra.copyColumns(left!, part, { columns: inputs, first, count });
      kernels.algebra.copyColumns(tail!, part, { columns: inputs, first, count: width });
      await gemm.float32(product!, left!, right, { m: rows, k: count, n: width, transposed: false });
      const dots = new Float64Array(rows);
      kernels.algebra.rowDots(dots, product!, tail!);
      for (const [r, dot] of dots.entries()) sums[from + r]! += dot;
      kernels.release(inner);
    }
    kernels.release(mark);
  }
  return sums;
}
