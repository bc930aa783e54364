import { scaledFloatFormat } from './scaled-float.ts';
import { smallFloat } from './small-float.ts';

/**
 * FP8 E5M2 of OCP: the upper half of a float16.
 *
 * sign 1 | exponent 5, bias 15 | mantissa 2
 * max                 S.11110.11 = 1.75 · 2^15 = 57344
 * smallest normal     2^-14
 * smallest subnormal  2^-16
 * specials            ±0, infinity S.11111.00, NaN S.11111.{01,10,11}
 * overflow            saturates; as infinity (`overflow: special`) from the tie 61440 on
 */
export const e5m2 = smallFloat('float8-e5m2', {
  exponentBits: 5,
  mantissaBits: 2,
  bias: 15,
  specials: 'infinities',
});

export const float8E5m2 = scaledFloatFormat(
  e5m2,
  'FP8 E5M2: 1 sign, 5 exponent, 2 mantissa bits; subnormals, infinities, NaN; with a scale',
  'OCP 8-bit Floating Point Specification (OFP8) v1.0, 2023; Micikevicius et al., arXiv:2209.05433',
);
