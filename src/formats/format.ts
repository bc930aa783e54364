import type { Kernels } from '../kernels/index.ts';

/**
 * How a value is written in bits: the specification, a slow and obvious oracle, and the fast path that must agree
 * with it bit for bit.
 */
export interface Format {
  /** Name in machine files: lower case, semantics included (`float16`). */
  readonly name: string;
  readonly bits: number;
  /** One line: fields, range, specials. */
  readonly summary: string;
  /** Largest finite magnitude. */
  readonly max: number;
  /** Where the definition stands. */
  readonly source: string;
  /** Oracle: the code of a value, an unsigned integer of `bits` bits. */
  encode(value: number): number;
  /** Oracle: the value of a code, exact in float64. */
  decode(code: number): number;
}

/** A format whose values need no scale: rounding float32 to it is the whole conversion. */
export interface FloatFormat extends Format {
  readonly exponentBits: number;
  /** Stored mantissa bits, hidden bit not counted. */
  readonly mantissaBits: number;
  /** Fast path: rounds float32 values to the format's in place, in a kernel memory. */
  round(kernels: Kernels, values: Float32Array): void;
}
