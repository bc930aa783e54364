import type { RoundTo } from './format-kernels.ts';

/**
 * The kernels of outlier-victim pairs. Values lie in the kernel memory, in rows; values 2i and 2i + 1 of a row are a
 * pair, the last one of an odd row has no partner. All rows share one scale, or each has its own.
 */
export interface PairKernels {
  /** x becomes its elements, or elements times their scale. `scales` of any buffer: one, or one a row. */
  roundPairs(x: Float32Array, scales: Float32Array, columns: number, coding: PairCoding, to: RoundTo): void;
  /**
   * errors [groups, candidates] = Σ (x - element · scale)² with each of `scales` [groups, candidates], both of any
   * buffer; `groups` is 1 for a scale of all rows, else the number of rows. Product and difference in float32, squares
   * and sums in float64: a row's as `groupSquaredError` has it, rows in order.
   */
  pairErrors(
    errors: Float64Array,
    x: Float32Array,
    scales: Float32Array,
    groups: number,
    columns: number,
    coding: PairCoding,
  ): void;
}

/** How a pair is coded; magnitudes in units of the scale. */
export interface PairCoding {
  /** Normal values: integers, or 0 1 2 3 4 6 8 16. */
  readonly normal: 'int' | 'flint';
  /** Ties and pair rule: to even and the larger outlier, or to the later grid entry and the left outlier. */
  readonly variant: 'paper' | 'reference-code';
  /** From here on a value is an outlier. */
  readonly cut: number;
  /** Largest normal value. */
  readonly largest: number;
  /** Outliers: floats with this many stored bits of mantissa, from the smallest to the largest. */
  readonly mantissaBits: number;
  readonly lowest: number;
  readonly highest: number;
}
