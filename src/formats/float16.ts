import { ieeeFormat } from './ieee.ts';

/**
 * IEEE 754 binary16, "half".
 *
 * sign 1 | exponent 5, bias 15 | mantissa 10
 * max                 (2 - 2^-10) · 2^15 = 65504; 65520 and above become infinity
 * smallest normal     2^-14 = 6.1035156e-5
 * smallest subnormal  2^-24 = 5.9604645e-8
 * specials            ±0, ±infinity, NaN
 */
export const float16 = ieeeFormat({
  name: 'float16',
  exponentBits: 5,
  mantissaBits: 10,
  summary: 'IEEE binary16: 1 sign, 5 exponent, 10 mantissa bits; subnormals, infinities, NaN',
  source: 'IEEE 754-2019, section 3.4 (binary16)',
  round: (kernels, values) => kernels.roundFloat16(values),
});
