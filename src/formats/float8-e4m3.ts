import { scaledFloatFormat } from './scaled-float.ts';
import { smallFloat } from './small-float.ts';

/**
 * FP8 E4M3 of OCP (E4M3FN elsewhere: finite, with NaN).
 *
 * sign 1 | exponent 4, bias 7 | mantissa 3
 * max                 S.1111.110 = 1.75 · 2^8 = 448
 * smallest normal     2^-6
 * smallest subnormal  2^-9
 * specials            ±0; no infinities; NaN S.1111.111
 * overflow            saturates; as NaN (`overflow: special`) from above 464 on, the tie with 480 going to 448, which is even
 */
export const e4m3 = smallFloat('float8-e4m3', {
  exponentBits: 4,
  mantissaBits: 3,
  bias: 7,
  specials: 'nan',
});

export const float8E4m3 = scaledFloatFormat(
  e4m3,
  'FP8 E4M3 (E4M3FN): 1 sign, 4 exponent, 3 mantissa bits; subnormals, NaN, no infinities; with a scale',
  'OCP 8-bit Floating Point Specification (OFP8) v1.0, 2023; Micikevicius et al., arXiv:2209.05433',
);
