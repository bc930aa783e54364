import type { Grid } from '../kernels/format-kernels.ts';

/*
 * The number types of ANT (Guo et al., MICRO 2022) at b bits: a sign and a magnitude code of b - 1 bits, all elements
 * integers. With B = b - 1 magnitude bits:
 *
 * int     the code itself, 0 .. 2^B - 1
 * flint   top bit 0: the code itself. Top bit 1: k zeros follow before the next 1, then a mantissa of B - 2 - k bits: the
 *         value is 2^(B-1+k) · 1.mantissa; all zeros after the top bit are 2^(2B-2). At 4 bits 000..011 = 0 1 2 3, 110 = 4,
 *         111 = 6, 101 = 8, 100 = 16 (the paper's first-one code; the table of OliVe, ISCA 2023).
 * pot     code 0 is 0, code c is 2^(c-1): at 4 bits 1 .. 2^6
 * float   exponent and mantissa in IEEE 754's manner with subnormals and no specials, in units of the smallest: at 4 bits
 *         E2M1 is 0 1 2 3 4 6 8 12. The public code's float is E3, which at 4 bits (E3M0) has the values of pot.
 *
 * The sign is the top bit of the code. -0 (only the sign set) is never produced and reads as 0. Nearest element, a tie
 * goes to the larger magnitude (the public code gives it to the later entry of its grid, up: the same for positive values;
 * mirrored here).
 */
export const NUMBER_TYPES = ['int', 'flint', 'pot', 'float'] as const;
export type NumberType = (typeof NUMBER_TYPES)[number];

/** A type at a width. */
export interface CodeTable {
  readonly type: NumberType;
  readonly bits: number;
  /** By magnitude code. */
  readonly magnitudes: readonly number[];
  readonly largest: number;
  /** For the kernel: the magnitudes sorted, and the middles between them. */
  readonly grid: Grid;
}

/** @param exponentBits of `float`; fewer where the width has not so many */
export function codeTable(type: NumberType, bits: number, exponentBits = 3): CodeTable {
  const field = bits - 1;
  const magnitudes = Array.from({ length: 2 ** field }, (_, code) => {
    if (type === 'int') return code;
    if (type === 'flint') return flint(code, field);
    if (type === 'pot') return code === 0 ? 0 : 2 ** (code - 1);
    return smallFloat(code, field - Math.min(exponentBits, field));
  });
  const sorted = Float32Array.from(magnitudes).sort();
  // A middle is exact in float32: neighbours differ by a power of two times at most 24 bits.
  const thresholds = sorted.subarray(1).map((entry, i) => (entry + sorted[i]!) / 2);
  return { type, bits, magnitudes, largest: sorted.at(-1)!, grid: { entries: sorted, thresholds } };
}

function flint(code: number, field: number): number {
  const top = 2 ** (field - 1);
  if (code < top) return code;
  const rest = code - top;
  if (rest === 0) return 2 ** (2 * field - 2);
  const length = Math.floor(Math.log2(rest)) + 1;
  const zeros = field - 1 - length;
  const mantissaBits = length - 1;
  const mantissa = (rest - 2 ** mantissaBits) / 2 ** mantissaBits;
  return 2 ** (field - 1 + zeros) * (1 + mantissa);
}

/** In units of the smallest: 2^(exponent - 1) · (2^m + mantissa), or the mantissa itself for exponent 0. */
function smallFloat(code: number, mantissaBits: number): number {
  const unit = 2 ** mantissaBits;
  const exponent = Math.floor(code / unit);
  const mantissa = code % unit;
  return exponent === 0 ? mantissa : 2 ** (exponent - 1) * (unit + mantissa);
}

/** Oracle: the code of a number, by trying all magnitudes. NaN counts as 0. */
export function encodeNumber({ bits, magnitudes }: CodeTable, number: number): number {
  const size = Math.abs(number) || 0;
  let best = 0;
  for (const [code, magnitude] of magnitudes.entries()) {
    const better = Math.abs(size - magnitude) - Math.abs(size - magnitudes[best]!);
    if (better < 0 || (better === 0 && magnitude > magnitudes[best]!)) best = code;
  }
  // Beyond any table all distances are infinite.
  if (size === Number.POSITIVE_INFINITY) best = magnitudes.indexOf(Math.max(...magnitudes));
  return number < 0 && magnitudes[best] !== 0 ? best + 2 ** (bits - 1) : best;
}

/** Oracle: the element of a code. */
export function decodeNumber({ bits, magnitudes }: CodeTable, code: number): number {
  const sign = 2 ** (bits - 1);
  const magnitude = magnitudes[code % sign]!;
  return code >= sign && magnitude !== 0 ? -magnitude : magnitude;
}
