import { ieeeFormat } from './ieee.ts';

/**
 * Brain floating point: the upper half of a float32.
 *
 * sign 1 | exponent 8, bias 127 | mantissa 7
 * max                 (2 - 2^-7) · 2^127 = 3.3895314e38
 * smallest normal     2^-126 = 1.1754944e-38
 * smallest subnormal  2^-133 = 9.1835496e-41; kept here, though some hardware (the one in the source among it)
 *                     takes subnormals for 0
 * specials            ±0, ±infinity, NaN
 */
export const bfloat16 = ieeeFormat({
  name: 'bfloat16',
  exponentBits: 8,
  mantissaBits: 7,
  summary: "float32's upper half: 1 sign, 8 exponent, 7 mantissa bits; subnormals, infinities, NaN",
  source: 'Intel, BFLOAT16 Hardware Numerics Definition, document 338302, 2018',
  round: (kernels, values) => kernels.roundBfloat16(values),
});
