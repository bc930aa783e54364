import type { PairKernels } from './pair-kernels.ts';

/**
 * The kernels of number formats with scales. Values lie in the kernel memory, in rows; along a row, `group` values share
 * a scale, the last group of a row may be shorter: scales are [rows, ceil(columns / group)], any buffer. One scale for
 * all values is one row of one group.
 *
 * Each kernel that rounds writes, in place, either elements (integers, small floats: what the codes stand for) or, with
 * `to: 'values'`, elements times their scale, rounded to float32.
 */
export interface FormatKernels {
  /** out [rows, groups] = largest |x| of each group; NaN where the group has one. */
  groupAbsMax(out: Float32Array, x: Float32Array, layout: GroupLayout): void;
  /** low, high [rows, groups]: smallest and largest x of each group. x holds no NaN. */
  groupRange(low: Float32Array, high: Float32Array, x: Float32Array, layout: GroupLayout): void;
  /**
   * out [rows, groups] = max(|μ + 3σ|, |μ - 3σ|) of each group, at most the largest float32; σ with n - 1, 0 of a single
   * value. In float64: sums of every fourth value, then (0 + 2) + (1 + 3), then the rest in order.
   */
  groupThreeSigma(out: Float32Array, x: Float32Array, layout: GroupLayout): void;
  /** x *= scale of its group. */
  scaleGroups(x: Float32Array, scales: Float32Array, layout: GroupLayout): void;
  /** out [rows, groups] = Σ (x - y)² of each group, in float64; a Float64Array of any buffer. */
  groupSquaredError(out: Float64Array, x: Float32Array, y: Float32Array, layout: GroupLayout): void;

  /**
   * clamp(round-half-even(x / scale), low - zero, high - zero): integers with a scale a group, and, where `zeros`
   * [rows, groups] is given, a zero point that is taken out again. NaN becomes 0 (or what the clamp makes of it).
   */
  roundIntegers(x: Float32Array, scales: Float32Array, layout: GroupLayout, rounding: IntegerRounding): void;

  /** Outlier-victim pairs. */
  readonly pairs: PairKernels;
}

/** Rows of `columns` values in groups of `group`. */
export interface GroupLayout {
  columns: number;
  group: number;
}

export type RoundTo = 'elements' | 'values';

export interface IntegerRounding {
  low: number;
  high: number;
  zeros?: Float32Array | undefined;
  to: RoundTo;
}
