import { scaledFloatFormat } from './scaled-float.ts';
import { smallFloat } from './small-float.ts';

/**
 * FP6 E3M2 of OCP MX.
 *
 * sign 1 | exponent 3, bias 3 | mantissa 2
 * max                 S.111.11 = 1.75 · 2^4 = 28
 * smallest normal     2^-2
 * smallest subnormal  2^-4
 * specials            ±0; no infinities, no NaN
 * overflow            saturates
 */
export const e3m2 = smallFloat('float6-e3m2', {
  exponentBits: 3,
  mantissaBits: 2,
  bias: 3,
  specials: 'none',
});

export const float6E3m2 = scaledFloatFormat(
  e3m2,
  'FP6 E3M2: 1 sign, 3 exponent, 2 mantissa bits; subnormals, every code a number; with a scale',
  'OCP Microscaling Formats (MX) Specification v1.0, 2023, section 5.3.2',
);
