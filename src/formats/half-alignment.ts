import { float16 } from './float16.ts';

/*
 * Float16 values on one exponent, as Anda and FIGNA align them: the oracle's side, on the fields of the codes.
 *
 *   m = floor(significand · 2^(M - 11 - (E - e)))          value = ±m · 2^(E - 15 - (M - 1))
 *
 * (Anda, HPCA 2025, arXiv 2411.15982.) The significand of 11 bits has the hidden bit; e is the element's exponent field, E the
 * shared one. Beyond 11 bits M has guard bits: the group's largest elements are already exact and end in M - 11 zeros,
 * and an element d binades below them is exact up to d = M - 11 instead of losing its last d bits.
 */

/** What a float16 is made of. */
export interface HalfFields {
  negative: boolean;
  /** 1..30: a subnormal's field is 0, and its exponent is that of field 1. */
  exponent: number;
  /** 11 bits, the hidden one included; it is 0 in subnormals. */
  significand: number;
}

/** Fields of the nearest float16 (ties to even); magnitudes above 65504 saturate there. */
export function halfFields(value: number): HalfFields {
  const code = float16.encode(Math.min(Math.max(value, -float16.max), float16.max));
  const field = (code >> 10) & 31;
  const fraction = code & 1023;
  return {
    negative: code >= 0x8000,
    exponent: Math.max(field, 1),
    significand: field === 0 ? fraction : fraction + 1024,
  };
}

/** The aligned magnitude, cut towards 0; saturated where the element lies above the shared exponent. */
export function alignedMagnitude(element: HalfFields, shared: number, mantissa: number): number {
  const exact = element.significand * 2 ** (mantissa - 11 - (shared - element.exponent));
  return Math.min(Math.floor(exact), 2 ** mantissa - 1);
}

/** The scale of a shared exponent, 2^-29 .. 2^15: exact in float32. Field 0, which only a bit flip makes, counts as 1. */
export function exponentScale(shared: number, mantissa: number): number {
  return 2 ** (Math.max(shared, 1) - 15 - (mantissa - 1));
}

/** The shared exponent of a scale, 1..30 where the scale comes from a fit. */
export function sharedExponent(scale: number, mantissa: number): number {
  return Math.log2(scale) + 15 + (mantissa - 1);
}
