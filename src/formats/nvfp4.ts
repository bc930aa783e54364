import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, codesOf, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { e2m1 } from './float4-e2m1.ts';
import { e4m3 } from './float8-e4m3.ts';
import { SCALE, type Settings } from './settings.ts';
import { decodeSmallFloat, encodeSmallFloat } from './small-float.ts';
import {
  type Codes,
  type Fit,
  type FormatDefinition,
  type Granularity,
  groupCount,
  groupOf,
  layoutOf,
  type Packed,
  type TensorFormat,
} from './tensor-format.ts';

/*
 * NVFP4: FP4 E2M1 elements in blocks of 16, an FP8 E4M3 scale a block, a float32 scale a tensor.
 *
 * source      NVIDIA, Pretraining Large Language Models with NVFP4, arXiv:2509.25149, appendix on quantization
 * tensor      s = max|x| of the tensor / (448 · 6) in float32, so that the largest block scale is the largest E4M3. 1 for
 *             zeros; not below 2^-126, so that s · b is never 0 (assumed). A setting or the fit of the whole matrix fixes it
 * block       b = E4M3(max|x| of the block / 6 / s), each step in float32, to nearest, ties to even. Saturates at 448 and is
 *             lifted to 2^-9, the smallest one, where it would be 0 (assumed; torchao lifts to the smallest normal, 2^-6)
 * element     E2M1(x / (s · b)), the product and the quotient in float32, to nearest, ties to even; saturates. torchao's
 *             order; the paper multiplies by a reciprocal
 * zeros       a block of zeros has b = 2^-9
 * -0, NaN     -0 stays; NaN becomes +0
 * tails       the last block of a row may be shorter
 * storage     codes of 4 bits from the low bit on, a byte of E4M3 a block, a float32
 */

const LEAST = 2 ** -9;
const LEAST_TENSOR_SCALE = 2 ** -126;

interface TwoLevelFit extends Fit {
  /** The float32 scale of the tensor. */
  readonly tensorScale: number;
  /** E4M3 numbers, [rows, blocks]; `scales` is tensorScale · these. */
  readonly blockScales: Float32Array;
}

class NvFp4 implements TensorFormat<TwoLevelFit> {
  readonly name = 'nvfp4';
  readonly granule = 1;
  readonly takesFromWhole = 'extremes';
  readonly settings: Settings;
  readonly granularity: Granularity;

  constructor(settings: Settings, granularity: Granularity) {
    this.settings = settings;
    this.granularity = granularity;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number, whole?: TwoLevelFit): TwoLevelFit {
    const tensorScale = whole?.tensorScale ?? this.#tensorScale(kernels, x);
    const count = groupCount(this.granularity, x.length, columns);
    const mark = kernels.mark();
    const [scales, factors] = [kernels.floats(count), kernels.floats(count)];
    kernels.formats.groupAbsMax(factors, x, layoutOf(this.granularity, x.length, columns));
    const options = { element: e2m1.max, whole: tensorScale, float: e4m3, least: LEAST };
    kernels.formats.floatScales(scales, factors, options);
    const fit = {
      scales: new Float32Array(scales),
      blockScales: new Float32Array(factors),
      tensorScale,
    };
    kernels.release(mark);
    return fit;
  }

  #tensorScale(kernels: Kernels, x: Float32Array): number {
    const { scale } = this.settings;
    if (typeof scale === 'number') return Math.fround(scale);
    const max = kernels.absMax(x);
    return max === 0 ? 1 : Math.max(Math.fround(max / (e4m3.max * e2m1.max)), LEAST_TENSOR_SCALE);
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: TwoLevelFit, to: RoundTo): void {
    const layout = layoutOf(this.granularity, x.length, columns);
    kernels.formats.roundFloats(x, scales, layout, { float: e2m1, hasNan: false, to });
  }

  encode(x: Float32Array, columns: number, { scales }: TwoLevelFit): Codes {
    return codesOf(x, (value, i) =>
      encodeSmallFloat(e2m1, Math.fround(value / scales[groupOf(this.granularity, i, columns)]!)),
    );
  }

  decode(codes: Codes): Float32Array {
    return elementsOf(codes, (code) => decodeSmallFloat(e2m1, code));
  }

  pack(codes: Codes, _columns: number, { blockScales, tensorScale }: TwoLevelFit): Packed {
    return {
      sections: {
        codes: packBits(codes, e2m1.bits),
        blockScales: Uint8Array.from(blockScales, (scale) => encodeSmallFloat(e4m3, scale)),
        tensorScale: floatBytes(Float32Array.of(tensorScale)),
      },
      bits: codes.length * e2m1.bits + blockScales.length * e4m3.bits + 32,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: TwoLevelFit } {
    const tensorScale = bytesToFloats(sections.tensorScale!)[0]!;
    const blockScales = Float32Array.from(sections.blockScales!, (code) => decodeSmallFloat(e4m3, code));
    const scales = blockScales.map((scale) => tensorScale * scale);
    const codes = unpackBits(sections.codes!, e2m1.bits, rows * columns);
    return { codes, fit: { scales, blockScales, tensorScale } };
  }

  describe(_codes: Codes, _columns: number, { tensorScale }: TwoLevelFit): Record<string, unknown> {
    return { tensorScale };
  }
}

export const nvfp4: FormatDefinition = {
  name: 'nvfp4',
  summary: 'blocks of 16 FP4 values (E2M1) under an FP8 scale (E4M3), and a float32 scale for the tensor',
  source: 'NVIDIA, Pretraining Large Language Models with NVFP4, arXiv:2509.25149, 2025',
  table: {
    bits: '4',
    range: '±6',
    specials: 'subnormals; saturates',
    scale: 'E4M3 for 16 values, float32 a tensor',
  },
  settings: { scale: { ...SCALE, description: 'the scale of the tensor, instead of one from the data' } },
  granularities: ['group'],
  defaultGranularity: { group: 16 },
  create: (settings, granularity) => new NvFp4(settings, granularity),
};
