import type { GroupLayout } from './format-kernels.ts';

/**
 * Linear algebra of calibration and of post-training weight algorithms. Matrices are dense and row-major and lie in the
 * kernel memory unless it says "any buffer".
 */
export interface AlgebraKernels {
  /**
   * The lower triangle of A [n, n], symmetric and positive definite, becomes M with A = Mᵀ M, M lower triangular; what
   * stands above it is lost. Gives -1, or the row at which A turns out not to be positive definite. A third of n³
   * multiplications, in float64.
   */
  cholesky(a: Float64Array, n: number): number;
  /** out[b] = x[order[b]], widened; `order` may be shorter than x. */
  gatherRow(out: Float64Array, x: Float32Array, order: Int32Array): void;
  /** out[r, c] = m[row + r, first + c] / m[row + r, row + r] of m [n, n], rounded to float32; out [rows, columns]. */
  unitRows(
    out: Float32Array,
    m: Float64Array,
    part: { n: number; row: number; rows: number; first: number; columns: number },
  ): void;
  /** x[i] += Σ_r factors[r] · rows[r, i], in the order of r, each step rounded to float32; factors any buffer. */
  addScaledRows(x: Float32Array, rows: Float32Array, factors: Float32Array): void;
  /** out[c] += Σ_r |x[r, c]| in float64; out any buffer. */
  columnAbsSums(out: Float64Array, x: Float32Array): void;
  /** out[r] = Σ_c x[r, c] · y[r, c] in float64; out any buffer. */
  rowDots(out: Float64Array, x: Float32Array, y: Float32Array): void;
  /** x [n, n] *= factor, then its lower triangle becomes the mirror image of the upper one. */
  mirrorUpper(x: Float32Array, n: number, factor: number): void;
  /** Values of a group into ±limit, limits [rows, groups] of any buffer, not negative. */
  clampGroups(x: Float32Array, limits: Float32Array, layout: GroupLayout): void;
  /** out [rows, count] = columns first .. first + count - 1 of x [rows, columns]. */
  copyColumns(
    out: Float32Array,
    x: Float32Array,
    part: { columns: number; first: number; count: number },
  ): void;
}
