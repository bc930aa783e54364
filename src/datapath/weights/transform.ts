import type { Kernels } from '../../kernels/index.ts';

/**
 * What happens to the input of a site before it is encoded, undone in the weight before it is quantised, so that the
 * product is the same: x · D⁻¹ · Q against W · D · Q, D diagonal, Q orthogonal; the diagonal comes first. Plain data, sent
 * to worker threads as it is; sites that share an input share it.
 */
export interface InputTransform {
  readonly diagonal?: DiagonalTransform | undefined;
  /** Q is a Hadamard matrix over √inputs (QuaRot; Kernels.hadamard). */
  readonly hadamard?: boolean | undefined;
}

/** What each channel is multiplied by, [inputs]: SmoothQuant's and AWQ's s on the weight, 1/s on the input. */
export interface DiagonalTransform {
  readonly input: Float32Array;
  readonly weight: Float32Array;
}

/** Input [rows, inputs] in the kernel memory, in place. */
export function transformInput(
  kernels: Kernels,
  x: Float32Array,
  columns: number,
  transform: InputTransform,
): void {
  apply(kernels, x, columns, transform.diagonal?.input, transform.hadamard);
}

/** Weight [outputs, inputs] in the kernel memory, in place. */
export function transformWeight(
  kernels: Kernels,
  weight: Float32Array,
  inputs: number,
  transform: InputTransform,
): void {
  apply(kernels, weight, inputs, transform.diagonal?.weight, transform.hadamard);
}

/** 2/N Σ x xᵀ of the input to that of the transformed input, [inputs, inputs] in the kernel memory, in place. */
export function transformHessian(
  kernels: Kernels,
  hessian: Float32Array,
  inputs: number,
  transform: InputTransform,
): void {
  // T = D⁻¹ Q acts on rows: H T, turned Tᵀ H as H is symmetric, then Tᵀ H T.
  transformInput(kernels, hessian, inputs, transform);
  const mark = kernels.mark();
  const turned = kernels.floats(hessian.length);
  kernels.transpose(turned, hessian, inputs, inputs);
  transformInput(kernels, turned, inputs, transform);
  hessian.set(turned);
  kernels.release(mark);
  // Rounding leaves the two halves apart in their last bits.
  kernels.algebra.mirrorUpper(hessian, inputs, 1);
}

/** The diagonal of factors s: the input divided by them, the weight multiplied. Over shared buffers. */
export function diagonalOf(factors: Float32Array): DiagonalTransform {
  const [input, weight] = [0, 1].map(() => new Float32Array(new SharedArrayBuffer(factors.length * 4)));
  weight!.set(factors);
  input!.set(factors.map((factor) => 1 / factor));
  return { input: input!, weight: weight! };
}

function apply(
  kernels: Kernels,
  x: Float32Array,
  columns: number,
  factors: Float32Array | undefined,
  hadamard: boolean | undefined,
): void {
  if (factors) kernels.multiplyRow(x, factors);
  if (hadamard) kernels.hadamard(x, columns);
}
