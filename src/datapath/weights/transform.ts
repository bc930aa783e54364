import type { Kernels } from '../../kernels/index.ts';

/**
 * What happens to the input of a site before it is encoded, undone in the weight before it is quantised, so that the
 * product is the same: x · D⁻¹ · Q against W · D · Q, D diagonal, Q orthogonal; the diagonal comes first. Plain data, sent
 * to worker threads as it is; sites that share an input share it.
 */
export interface InputTransform {
  readonly diagonal?: DiagonalTransform | undefined;
  readonly rotation?: RotationTransform | undefined;
}

/** What each channel is multiplied by, [inputs]: SmoothQuant's and AWQ's s on the weight, 1/s on the input. */
export interface DiagonalTransform {
  readonly input: Float32Array;
  readonly weight: Float32Array;
}

/** An orthogonal map of a row, the same for input and weight (Ashkboos et al., QuaRot, NeurIPS 2024). */
export interface RotationTransform {
  readonly kind: 'hadamard';
  /** Adjacent channels that are rotated together (a head's, say); all where left out. */
  readonly size?: number | undefined;
}

/** Rotates each row of x [rows, columns], in place in the kernel memory. */
export type Rotate = (
  kernels: Kernels,
  x: Float32Array,
  columns: number,
  rotation: RotationTransform,
) => void;

/** Input [rows, inputs] in the kernel memory, in place. */
export function transformInput(
  kernels: Kernels,
  x: Float32Array,
  columns: number,
  transform: InputTransform,
  rotate?: Rotate,
): void {
  apply(kernels, x, columns, transform.diagonal?.input, transform.rotation, rotate);
}

/** Weight [outputs, inputs] in the kernel memory, in place. */
export function transformWeight(
  kernels: Kernels,
  weight: Float32Array,
  inputs: number,
  transform: InputTransform,
  rotate?: Rotate,
): void {
  apply(kernels, weight, inputs, transform.diagonal?.weight, transform.rotation, rotate);
}

/** 2/N Σ x xᵀ of the input to that of the transformed input, [inputs, inputs] in the kernel memory, in place. */
export function transformHessian(
  kernels: Kernels,
  hessian: Float32Array,
  inputs: number,
  transform: InputTransform,
  rotate?: Rotate,
): void {
  // T = D⁻¹ Q acts on rows: H T, turned Tᵀ H as H is symmetric, then Tᵀ H T.
  transformInput(kernels, hessian, inputs, transform, rotate);
  const mark = kernels.mark();
  const turned = kernels.floats(hessian.length);
  kernels.transpose(turned, hessian, inputs, inputs);
  transformInput(kernels, turned, inputs, transform, rotate);
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
  rotation: RotationTransform | undefined,
  rotate: Rotate | undefined,
): void {
  if (factors) kernels.multiplyRow(x, factors);
  if (!rotation) return;
  if (!rotate) throw new Error(`no "${rotation.kind}" rotation was given`);
  rotate(kernels, x, columns, rotation);
}
