import { ieeeFormat } from './ieee.ts';

/**
 * TensorFloat-32: float32's exponent with float16's mantissa. It lies in memory as a float32 whose low 13 bits do not
 * count; the code here is the 19 bits that do.
 *
 * sign 1 | exponent 8, bias 127 | mantissa 10
 * max                 (2 - 2^-10) · 2^127 = 3.4011621e38
 * smallest normal     2^-126 = 1.1754944e-38
 * smallest subnormal  2^-136 = 1.1479437e-41
 * specials            ±0, ±infinity, NaN
 *
 * The source names the fields, not the rounding. Here it is to nearest, ties to even (PTX cvt.rn.tf32.f32); a tensor
 * core that is fed plain float32 drops the low bits instead, and cvt.rna.tf32.f32 sends ties away from zero.
 */
export const tf32 = ieeeFormat({
  name: 'tf32',
  exponentBits: 8,
  mantissaBits: 10,
  summary: "float32's exponent, float16's mantissa: 1 sign, 8 exponent, 10 mantissa bits; infinities, NaN",
  source: 'NVIDIA A100 Tensor Core GPU Architecture, white paper V1.0, 2020; PTX ISA, cvt',
  round: (kernels, values) => kernels.roundTf32(values),
});
