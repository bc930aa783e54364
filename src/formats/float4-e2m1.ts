import { scaledFloatFormat } from './scaled-float.ts';
import { smallFloat } from './small-float.ts';

/**
 * FP4 E2M1 of OCP MX: ±0, 0.5, 1, 1.5, 2, 3, 4, 6.
 *
 * sign 1 | exponent 2, bias 1 | mantissa 1
 * max                 S.11.1 = 1.5 · 2^2 = 6
 * smallest normal     2^0
 * smallest subnormal  2^-1
 * specials            ±0; no infinities, no NaN
 * overflow            saturates
 */
export const e2m1 = smallFloat('float4-e2m1', {
  exponentBits: 2,
  mantissaBits: 1,
  bias: 1,
  specials: 'none',
});

export const float4E2m1 = scaledFloatFormat(
  e2m1,
  'FP4 E2M1: 1 sign, 2 exponent, 1 mantissa bit; subnormals, every code a number; with a scale',
  'OCP Microscaling Formats (MX) Specification v1.0, 2023, section 5.3.3',
);
