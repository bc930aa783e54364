import type { AlgebraKernels } from './algebra-kernels.ts';
import type { FormatKernels } from './format-kernels.ts';

/**
 * The elementwise work of a model: one WebAssembly SIMD module with a memory of its own per worker thread.
 *
 * Every array argument is a view of `memory` unless it says "any buffer": those small vectors (gains, biases, scales)
 * are copied in by the call. Matrices are dense and row-major. Nothing here allocates except `floats`, `doubles`, `bytes`
 * and `integers`, which take from a stack: `mark()` before, `release(mark)` after. The memory is shared, so that views stay
 * valid when it grows.
 */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  /** What number formats with scales need. */
  readonly formats: FormatKernels;
  /** What calibration and post-training weight algorithms need. */
  readonly algebra: AlgebraKernels;

  // The stack of the memory. Every array starts at a multiple of 64 bytes. Contents are undefined.
  floats(length: number): Float32Array;
  doubles(length: number): Float64Array;
  bytes(length: number): Uint8Array;
  integers(length: number): Int32Array;
  /** A copy, in this memory, of values from any buffer. */
  load(values: Float32Array): Float32Array;
  mark(): number;
  release(mark: number): void;

  // Normalisation. x and out are [rows, columns], may be the same; gain and bias are [columns], any buffer.
  /** (x - mean) / sqrt(variance + epsilon) * gain + bias, biased variance, as torch.nn.LayerNorm. */
  layerNorm(
    out: Float32Array,
    x: Float32Array,
    gain: Float32Array,
    bias: Float32Array,
    epsilon: number,
  ): void;
  /** x / sqrt(mean(x²) + epsilon) * gain, as LlamaRMSNorm. */
  rmsNorm(out: Float32Array, x: Float32Array, gain: Float32Array, epsilon: number): void;

  // Activations, in place.
  relu(x: Float32Array): void;
  /** x · Φ(x) with the error function. */
  gelu(x: Float32Array): void;
  /** The tanh approximation: GPT-2's gelu_new, BLOOM's gelu. */
  geluTanh(x: Float32Array): void;
  tanh(x: Float32Array): void;
  silu(x: Float32Array): void;

  /** x += y */
  add(x: Float32Array, y: Float32Array): void;
  /** x *= y */
  multiply(x: Float32Array, y: Float32Array): void;
  /** Each row of x [rows, columns] += bias [columns], any buffer. */
  addRow(x: Float32Array, bias: Float32Array): void;
  /** Each row of x [rows, columns] *= factors [columns], any buffer. */
  multiplyRow(x: Float32Array, factors: Float32Array): void;

  /**
   * Softmax of scores in place, rows one after the other: x[r, c] -> softmax over c of (x[r, c] * scale + slope * c).
   * Row r stands for the query at position p = first + (r mod period); it sees columns max(0, p - window + 1) .. p, and
   * the others become 0. Rows may be several heads' (a group's) query rows on end: `period` is the rows a head.
   * To let every row see every column (an encoder) give first = columns - 1, period = 1.
   */
  softmax(x: Float32Array, columns: number, options: SoftmaxOptions): void;

  /**
   * Rotary position embedding in place, rotate-half convention: x is [rows, heads · headSize]; cosine and sine are
   * [rows, rotary / 2], where rotary <= headSize values of a head turn: (a, b) = (x[i], x[i + rotary/2]) becomes
   * (a cos - b sin, b cos + a sin).
   */
  rope(
    x: Float32Array,
    cosine: Float32Array,
    sine: Float32Array,
    shape: { heads: number; headSize: number },
  ): void;

  /**
   * Orthonormal Hadamard transform of each row of x [rows, columns] in place, as `hadamardOrder(columns)` says: a row x
   * becomes (S ⊗ W) x / sqrt(order). The values times float32(1 / sqrt(order)) go through the butterflies of W, nearest
   * neighbours first, then through S from its first column on, each sum rounded to float32. A dot product of two
   * rotated rows is that of the rows. `inverse` takes Sᵀ; where there is no S the transform is its own inverse.
   */
  hadamard(x: Float32Array, columns: number, inverse?: boolean): void;

  // Layout.
  /** out [heads, rows, size] from x [rows, heads · size]. */
  splitHeads(out: Float32Array, x: Float32Array, shape: { rows: number; heads: number; size: number }): void;
  /** out [rows, heads · size] from x [heads, rows, size]. */
  mergeHeads(out: Float32Array, x: Float32Array, shape: { rows: number; heads: number; size: number }): void;
  /** out [columns, rows] from x [rows, columns]. */
  transpose(out: Float32Array, x: Float32Array, rows: number, columns: number): void;
  /** The same for int8 codes. */
  transposeBytes(out: Int8Array, x: Int8Array, rows: number, columns: number): void;

  // Rounding to narrower floats, in place, to nearest, ties to even, subnormals kept, overflow to infinity.
  roundFloat16(x: Float32Array): void;
  roundBfloat16(x: Float32Array): void;
  /** 10 mantissa bits, float32's exponent. */
  roundTf32(x: Float32Array): void;

  // Widening, exact. `from` holds the raw little-endian words.
  widenFloat16(out: Float32Array, from: Uint8Array): void;
  widenBfloat16(out: Float32Array, from: Uint8Array): void;

  // Reductions.
  /** Largest |x|; NaN if there is one. */
  absMax(x: Float32Array): number;
  /** out[r] = max over c of |x[r, c]|. */
  rowAbsMax(out: Float32Array, x: Float32Array, columns: number): void;
  /** out[c] = max(out[c], max over r of |x[r, c]|). */
  columnAbsMax(out: Float32Array, x: Float32Array, columns: number): void;
  /** Index of the first NaN or infinity, or -1. */
  findNonFinite(x: Float32Array): number;
  /** out[r] = log Σ_c exp(x[r, c]), in float64 (a Float64Array of any buffer). */
  logSumExp(out: Float64Array, x: Float32Array, columns: number): void;
  /** out[r] = the first column with the largest value (an Int32Array of any buffer). */
  argMax(out: Int32Array, x: Float32Array, columns: number): void;
  /** out[r] = Σ_c P log(P / Q) in nats, P = softmax(p[r]), Q = softmax(q[r]), summed in float64 (any buffer). */
  divergence(out: Float64Array, p: Float32Array, q: Float32Array, columns: number): void;

  // Symmetric int8: code = clamp(round-half-even(x / scale), -127, 127).
  /** codes = x's int8 codes + 128, one scale. */
  quantize(codes: Uint8Array, x: Float32Array, scale: number): void;
  /** codes + 128 with a scale a row: scales[r] = max(max_c |x[r, c]|, 1e-5) / 127. */
  quantizeRows(codes: Uint8Array, scales: Float32Array, x: Float32Array, columns: number): void;
  /** Signed codes (no offset), one scale. */
  quantizeSigned(codes: Int8Array, x: Float32Array, scale: number): void;
  /** Signed codes with a scale a row, as quantizeRows. */
  quantizeSignedRows(codes: Int8Array, scales: Float32Array, x: Float32Array, columns: number): void;
  /** x -> code · scale in place: what a re-quantised output carries. */
  fakeQuantize(x: Float32Array, scale: number): void;
  /** The same with a scale a row, computed as quantizeRows does. */
  fakeQuantizeRows(x: Float32Array, columns: number): void;
  /**
   * out[r, c] = sums[r, c] * (rowScale[r] * columnScale[c]) + bias[c], each step rounded to float32 in this order.
   * A scale is one number for all rows (columns) or a vector of any buffer; bias any buffer. Rows of out lie `stride`
   * values apart (default: columns), so that sums may be a part of the columns.
   */
  dequantize(
    out: Float32Array,
    sums: Int32Array,
    scales: { row: number | Float32Array; column: number | Float32Array; bias?: Float32Array | undefined },
    columns: number,
    stride?: number,
  ): void;
}

export interface SoftmaxOptions {
  scale: number;
  /** ALiBi's slope of this head; 0 without. */
  slope?: number;
  /** Position of the first query row. */
  first: number;
  /** Rows until the position starts again at `first`. */
  period: number;
  /** Positions that a query sees, itself included (sliding-window attention). */
  window?: number;
}
