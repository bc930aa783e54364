/** Integers beyond ±127 of a matrix, row after row. */
export interface Outliers {
  /** [rows + 1]: row r's entries are starts[r] .. starts[r + 1]. */
  starts: Int32Array;
  columns: Int32Array;
  /** Up to ±2^15. */
  values: Int32Array;
}

/** A left operand: integers of up to ±2^15, all but the few beyond ±127 as int8 codes. */
export interface SplitRows {
  rows: number;
  columns: number;
  /** Codes plus 128, [rows, columns]; 128 where an outlier stands. */
  codes: Uint8Array;
  outliers: Outliers;
}

/** A weight of such integers, as the int8 products take it. */
export interface SplitWeight {
  outputs: number;
  inputs: number;
  /** int8 codes by panels of WEIGHT_PANEL outputs, one after the other, each [inputs, outputs of the panel]. */
  codes: Int8Array;
  /** Rows are outputs, columns inputs. */
  outliers: Outliers;
  /** [inputs]: largest magnitude over all outputs. */
  largest: Float32Array;
}

/** Outputs of a panel of int8 weights: 512 rows of their sums, 2 MiB, fit a second-level cache. */
export const WEIGHT_PANEL = 1024;

/**
 * Products of integers that int8 does not hold, by int8 products and corrections for the few outliers: OliVe's abfloat
 * (to 32768), OLAccel's 16-bit outliers. Sums are int32 and wrap around, as an accumulator of 32 bits does.
 *
 * For a panel of outputs from .. from + n (`from` a multiple of WEIGHT_PANEL, n = min(WEIGHT_PANEL, outputs - from)):
 *   1. Gemm.int8(sums, a.codes, weight.codes.subarray(from * k, (from + n) * k), { m, k, n })
 *   2. add(sums, a, weight, from)
 *   3. where rows = doubtfulRows(a, weight), found once for all panels, are any: overflows(sums, a, weight, from, rows)
 * Elements must be integers; each of up to ±2^15, else an Error.
 */
export interface OutlierProducts {
  /** x [rows, columns] in the kernel memory; the result is taken from its stack, and x stays as it is. */
  splitRows(x: Float32Array, columns: number): SplitRows;
  /** `block` gives the elements of some outputs, [rows, inputs] in the kernel memory; the result is in shared buffers. */
  splitWeight(
    outputs: number,
    inputs: number,
    block: (from: number, rows: number) => Float32Array,
  ): SplitWeight;
  /** Adds what the codes leave out to sums [rows, n] in the kernel memory. */
  add(sums: Int32Array, a: SplitRows, weight: SplitWeight, from: number): void;
  /** Rows of which the largest possible sum, Σ_i |a_i| · largest_i, may leave int32; usually none. */
  doubtfulRows(a: SplitRows, weight: SplitWeight): number[];
  /** How many of the finished sums [rows, n], in those rows, have a true sum outside int32: exact, however many times. */
  overflows(
    sums: Int32Array,
    a: SplitRows,
    weight: SplitWeight,
    from: number,
    rows: readonly number[],
  ): number;
}
