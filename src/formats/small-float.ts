import type { FloatGrid } from '../kernels/format-kernels.ts';

/** What a code of a small float may be beside a finite number. */
type Specials = 'none' | 'nan' | 'infinities';

/**
 * A binary float of at most 8 bits, from the top bit down: sign, exponent, mantissa; exponent field 0 holds zeros and
 * subnormals.
 *
 * Specials: `infinities` as in IEEE 754 (exponent field all ones: infinity with mantissa 0, else NaN); `nan`: only the
 * code of all ones is NaN, of either sign, the rest of that exponent are numbers; `none`: every code is a number.
 */
export interface SmallFloat extends FloatGrid {
  readonly name: string;
  readonly bits: number;
  readonly mantissaBits: number;
  readonly minExponent: number;
  readonly specials: Specials;
  /** Exponent of the largest value: emax of the MX specification. */
  readonly maxExponent: number;
  readonly max: number;
  /** Magnitudes of the finite codes, ascending: code -> value. */
  readonly magnitudes: readonly number[];
}

/** Saturate, or become what the float has for it: infinity, else NaN. */
export type Overflow = 'saturate' | 'special';

/** A float from its fields; the bias is that of its name in the standard. */
export function smallFloat(
  name: string,
  fields: { exponentBits: number; mantissaBits: number; bias: number; specials: Specials },
): SmallFloat {
  const { exponentBits, mantissaBits, bias, specials } = fields;
  const codes = 2 ** (exponentBits + mantissaBits);
  const reserved = { none: 0, nan: 1, infinities: 2 ** mantissaBits }[specials];
  const magnitudes = Array.from({ length: codes - reserved }, (_, code) => {
    const mantissa = (code % 2 ** mantissaBits) / 2 ** mantissaBits;
    const exponent = Math.floor(code / 2 ** mantissaBits);
    return exponent === 0 ? mantissa * 2 ** (1 - bias) : (1 + mantissa) * 2 ** (exponent - bias);
  });
  return {
    name,
    bits: 1 + exponentBits + mantissaBits,
    mantissaBits,
    minExponent: 1 - bias,
    specials,
    maxExponent: Math.floor((magnitudes.length - 1) / 2 ** mantissaBits) - bias,
    max: magnitudes.at(-1)!,
    magnitudes,
  };
}

/**
 * Oracle: the nearest code, of two as near the even one. Infinity is an overflow like any other. NaN becomes the positive
 * NaN with the largest code, or +0 where there is none.
 */
export function encodeSmallFloat(float: SmallFloat, value: number, overflow: Overflow = 'saturate'): number {
  const { bits, specials, magnitudes, max } = float;
  const signBit = 2 ** (bits - 1);
  if (Number.isNaN(value)) return specials === 'none' ? 0 : signBit - 1;
  const sign = value < 0 || Object.is(value, -0) ? signBit : 0;
  const magnitude = Math.abs(value);

  let [below, above] = [0, magnitudes.length];
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (magnitudes[middle]! <= magnitude) below = middle;
    else above = middle;
  }
  const last = magnitudes.length - 1;
  if (below === last) {
    // Beyond the largest the grid goes on: at half a step overflow begins to win, if it were the even code.
    const half = (max - magnitudes[last - 1]!) / 2;
    const over = magnitude - max > half || (magnitude - max === half && last % 2 === 1);
    if (!over || overflow === 'saturate' || specials === 'none') return sign + last;
    return sign + (specials === 'nan' ? signBit - 1 : last + 1);
  }
  const [down, up] = [magnitude - magnitudes[below]!, magnitudes[above]! - magnitude];
  const nearest = down < up || (down === up && below % 2 === 0) ? below : above;
  return sign + nearest;
}

/** Oracle: the value of a code. */
export function decodeSmallFloat({ bits, specials, magnitudes }: SmallFloat, code: number): number {
  const signBit = 2 ** (bits - 1);
  const sign = code >= signBit ? -1 : 1;
  const magnitude = code % signBit;
  if (magnitude < magnitudes.length) return sign * magnitudes[magnitude]!;
  return specials === 'infinities' && magnitude === magnitudes.length
    ? sign * Number.POSITIVE_INFINITY
    : Number.NaN;
}

/** What overflow becomes in the kernels, or nothing where it saturates. */
export function beyond({ specials }: SmallFloat, overflow: Overflow): number | undefined {
  if (overflow === 'saturate' || specials === 'none') return undefined;
  return specials === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
}
