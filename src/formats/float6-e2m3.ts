import { scaledFloatFormat } from './scaled-float.ts';
import { smallFloat } from './small-float.ts';

/**
 * FP6 E2M3 of OCP MX.
 *
 * sign 1 | exponent 2, bias 1 | mantissa 3
 * max                 S.11.111 = 1.875 · 2^2 = 7.5
 * smallest normal     2^0
 * smallest subnormal  2^-3
 * specials            ±0; no infinities, no NaN
 * overflow            saturates
 */
export const e2m3 = smallFloat('float6-e2m3', {
  exponentBits: 2,
  mantissaBits: 3,
  bias: 1,
  specials: 'none',
});

export const float6E2m3 = scaledFloatFormat(
  e2m3,
  'FP6 E2M3: 1 sign, 2 exponent, 3 mantissa bits; subnormals, every code a number; with a scale',
  'OCP Microscaling Formats (MX) Specification v1.0, 2023, section 5.3.2',
);
