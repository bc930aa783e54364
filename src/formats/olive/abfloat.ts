import { floorLog2 } from '../float32-steps.ts';
import { roundHalfEven } from '../ieee.ts';
import { type ExponentInteger, ZERO } from './exponent-integer.ts';

/*
 * Abfloat, the adaptive biased float of outliers (OliVe, ISCA 2023, section 3.3): without the values that the normal type
 * has anyway.
 *
 * fields      from the top bit down: sign, exponent, mantissa; value ±(2^mantissaBits + mantissa) << (exponent + bias)
 * code 0      of magnitude is disabled (sign and 0 would be the identifier); a fault that makes it reads as 0
 * rounding    to nearest, ties to the even mantissa ("round" in the printed algorithm; which, is not said)
 * saturation  to code 1 and to the largest code; the printed algorithm leaves both ends open
 *
 * E2M1 bias 2 (int4)    12 16 24 32 48 64 96
 * E2M1 bias 3 (flint4)  24 32 48 64 96 128 192
 * E4M3 bias 4 (int8)    144 160 .. 32768. The paper clips magnitudes at 2^15 so that products fit int32; its bias is not
 *                       stated, 4 is consistent with int8 (assumed). Codes above that of 2^15, which only faults make, read
 *                       as 2^15 (assumed: the clip stands in the decoder too).
 * E2M5 bias 2 (int8)    132 136 .. 2016: what the public code does at 8 bits
 */
export interface Abfloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** Largest magnitude code that is used. */
  readonly largestCode: number;
}

export const E2M1_WITH_INT4: Abfloat = { exponentBits: 2, mantissaBits: 1, bias: 2, largestCode: 7 };
export const E2M1_WITH_FLINT4: Abfloat = { exponentBits: 2, mantissaBits: 1, bias: 3, largestCode: 7 };
/** 8 << (8 + 4) = 2^15. */
export const E4M3_WITH_INT8: Abfloat = { exponentBits: 4, mantissaBits: 3, bias: 4, largestCode: 8 << 3 };
export const E2M5_WITH_INT8: Abfloat = { exponentBits: 2, mantissaBits: 5, bias: 2, largestCode: 127 };

/** The magnitude of any code without its sign. */
export function decodeMagnitude(abfloat: Abfloat, code: number): ExponentInteger {
  if (code === 0) return ZERO;
  const { mantissaBits, bias, largestCode } = abfloat;
  const used = Math.min(code, largestCode);
  const hidden = 2 ** mantissaBits;
  return { exponent: Math.floor(used / hidden) + bias, integer: hidden + (used % hidden) };
}

/** The magnitude code of an outlier > 0, a float32: the algorithm as the paper prints it, with both ends closed. */
export function encodeMagnitude(abfloat: Abfloat, magnitude: number): number {
  const { mantissaBits, bias, largestCode } = abfloat;
  if (magnitude === Number.POSITIVE_INFINITY) return largestCode;
  const hidden = 2 ** mantissaBits;
  let exponent = floorLog2(magnitude) - mantissaBits;
  let base = roundHalfEven(magnitude / 2 ** exponent);
  if (base === 2 * hidden) {
    exponent += 1;
    base = hidden;
  }
  const code = (exponent - bias) * hidden + (base - hidden);
  return Math.min(Math.max(code, 1), largestCode);
}
