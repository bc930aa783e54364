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
  /** out [rows, groups] = max|x| / largest of each group, 1 where that is 0. */
  groupScales(out: Float32Array, x: Float32Array, layout: GroupLayout, largest: number): void;
  /**
   * out [rows, groups] = 2^(e + unit), e = clamp(exponent of max|x| - emax, -127, 127), the exponent taken after `carry`
   * (in units of 2^-23 of the mantissa) has been added to max|x|. NaN where the group holds one or an infinity.
   */
  powerOfTwoScales(out: Float32Array, x: Float32Array, layout: GroupLayout, rule: PowerOfTwoRule): void;
  /**
   * Scales that are small floats themselves, under one scale `whole`: factors [groups], on entry max|x|, becomes
   * max / element / whole, rounded to the float and clamped to least .. its largest; scales = whole · factor.
   */
  floatScales(
    scales: Float32Array,
    factors: Float32Array,
    options: { element: number; whole: number; float: FloatGrid; least: number },
  ): void;
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

  /** Outlier-victim pairs. */
  readonly pairs: PairKernels;

  /**
   * x / scale rounded to a small binary float, to nearest, ties to even, subnormals kept; -0 stays. What is beyond the
   * largest becomes it, or where `beyond` is given that, with the sign of x.
   */
  roundFloats(x: Float32Array, scales: Float32Array, layout: GroupLayout, rounding: FloatRounding): void;

  /**
   * out [rows, groups] = 2^(e - (mantissa - 1)), e the exponent of the group's largest |x|. Of its float16 (saturated,
   * subnormals and 0 have -14) or of the float32 (subnormals have -126, zeros 0).
   */
  sharedScales(out: Float32Array, x: Float32Array, layout: GroupLayout, exponent: SharedExponent): void;
  /** x -> ±min(floor(|float16(x)| / scale), largest); the float16 is saturated at 65504. -0 stays where `negativeZero`. */
  alignHalves(x: Float32Array, scales: Float32Array, layout: GroupLayout, alignment: HalfAlignment): void;
  /** x -> ±min(|x| / scale rounded, largest), the scale a power of two; -0 stays. */
  alignFloats(x: Float32Array, scales: Float32Array, layout: GroupLayout, alignment: FloatAlignment): void;
  /**
   * Vector scales that are integers of a coarse scale a row. steps [rows, vectors] comes with the largest magnitude of
   * each vector and leaves with what its values are to be divided by: fine = magnitude / largest (1 where that is 0), or
   * the scale itself (infinity where that is 0). scales = min(round-half-even(fine / coarse), largestScale) · coarse.
   * coarse [rows] = largest fine / largestScale (1 where that is 0), unless it is given. All lie in the kernel memory.
   */
  twoLevelScales(scales: Float32Array, steps: Float32Array, coarse: Float32Array, levels: ScaleLevels): void;
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

export interface SharedExponent {
  /** Bits of an element's magnitude, 1..16. */
  mantissa: number;
  of: 'float16' | 'float32';
}

export interface HalfAlignment {
  largest: number;
  negativeZero: boolean;
  to: RoundTo;
}

export interface FloatAlignment {
  largest: number;
  /** To nearest with ties to even, or towards 0. */
  rounding: 'nearest' | 'truncate';
  to: RoundTo;
}

export interface ScaleLevels {
  /** Largest element and largest integer scale. */
  largest: number;
  largestScale: number;
  divideBy: 'fine' | 'scale';
  coarseGiven: boolean;
}

/** What a small binary float can hold. */
export interface FloatGrid {
  /** Stored bits, hidden bit not counted. */
  mantissaBits: number;
  /** Exponent of the smallest normal number. */
  minExponent: number;
  /** Largest finite magnitude. */
  max: number;
}

export interface FloatRounding {
  float: FloatGrid;
  /** Instead of saturation: infinity or NaN. */
  beyond?: number | undefined;
  /** Whether the float has a NaN; without one it becomes +0. */
  hasNan: boolean;
  to: RoundTo;
}

export interface PowerOfTwoRule {
  carry: number;
  emax: number;
  unit: number;
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
