import { ieeeFormat } from './ieee.ts';

/**
 * IEEE 754 binary32.
 *
 * sign 1 | exponent 8, bias 127 | mantissa 23
 * max                 (2 - 2^-23) · 2^127 = 3.4028235e38
 * smallest normal     2^-126 = 1.1754944e-38
 * smallest subnormal  2^-149 = 1.4012985e-45
 * specials            ±0, ±infinity, NaN
 */
export const float32 = ieeeFormat({
  name: 'float32',
  exponentBits: 8,
  mantissaBits: 23,
  summary: 'IEEE binary32: 1 sign, 8 exponent, 23 mantissa bits; subnormals, infinities, NaN',
  source: 'IEEE 754-2019, section 3.4 (binary32)',
  // What kernels compute with is float32 already.
  round: () => {},
});
