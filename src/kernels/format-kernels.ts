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
  /** x *= scale of its group. */
  scaleGroups(x: Float32Array, scales: Float32Array, layout: GroupLayout): void;
  /** out [rows, groups] = Σ (x - y)² of each group, in float64; a Float64Array of any buffer. */
  groupSquaredError(out: Float64Array, x: Float32Array, y: Float32Array, layout: GroupLayout): void;

  /**
   * clamp(round-half-even(x / scale), low - zero, high - zero): integers with a scale a group, and, where `zeros`
   * [rows, groups] is given, a zero point that is taken out again. NaN becomes 0 (or what the clamp makes of it).
   */
  roundIntegers(x: Float32Array, scales: Float32Array, layout: GroupLayout, rounding: IntegerRounding): void;

  /** The entry of a grid for x / scale, by the grid's thresholds. NaN counts as 0. */
  roundToGrid(x: Float32Array, scales: Float32Array, layout: GroupLayout, rounding: GridRounding): void;
  /** The same without a scale, for what lies in low .. high; values beyond stay as they are. */
  roundInsideToGrid(x: Float32Array, grid: Grid, low: number, high: number): void;
  /**
   * x / scale as a float without subnormals, ties to even; 0 where it is below `flush` in magnitude, at least
   * `smallest` elsewhere, at most `largest`. NaN becomes 0.
   */
  roundFlushedFloats(
    x: Float32Array,
    scales: Float32Array,
    layout: GroupLayout,
    rounding: FlushedFloatRounding,
  ): void;

  /** Ascending, in place; -0 before +0. x holds no NaN. */
  sort(x: Float32Array): void;
  /** [x.length + 1]: sums of the first 0, 1, ... values in float64, one after the other, in the kernel memory. */
  prefixSums(x: Float32Array): Float64Array;
  /** Σ (x - mean)² in float64. */
  squaredDeviations(x: Float32Array, mean: number): number;
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

/** Sorted entries, 1 .. 256 of them, and what must be reached for the second, the third, ...: thresholds in order. */
export interface Grid {
  readonly entries: Float32Array;
  readonly thresholds: Float32Array;
}

export interface GridRounding {
  grid: Grid;
  /** `magnitudes`: the grid is for |x|, from 0 on, and the sign is put back; there is no -0. */
  of: 'magnitudes' | 'values';
  /** x · (1 / scale) in the place of x / scale, the scale taken as at least 1e-38; for grids of values. */
  reciprocal?: boolean;
  to: RoundTo;
}

export interface FlushedFloatRounding {
  /** Stored bits of the significand, 0 .. 22. */
  mantissa: number;
  /** Above 0. */
  flush: number;
  smallest: number;
  largest: number;
  to: RoundTo;
}
