import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, codesOf, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { roundHalfEven } from './ieee.ts';
import type { Settings } from './settings.ts';
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
 * VS-Quant: vectors of 16 values have a scale each, itself an integer of a few bits times a coarse scale.
 *
 * fields      element q of N bits in two's complement, ±(2^(N-1) - 1), the lowest code never written; vector scale k of S
 *             bits without sign, 0 .. 2^S - 1; coarse scale γ, float32, of a row (a channel, a token) or of the tensor
 *             (`coarse`). Value = q · (k · γ), k · γ rounded to float32.
 * fit         two levels (Dai et al., two-level quantisation), each step in float32: s = max|x| / (2^(N-1) - 1) of a
 *             vector, γ = max s / (2^S - 1), k = round(s / γ). With the fit of a whole matrix its γ stays, and k
 *             saturates.
 * rounding    q = round(x / s), to nearest, ties to even: the values are rounded before the scales are (assumed to be
 *             the paper's order of steps). With `divisor` = scale, q = round(x / (k · γ)) instead, so that values make up for what
 *             their scale lost (ours). Beyond the ends it saturates.
 * zeros       a vector far below the largest has k = 0: all its values are 0 whatever its codes, and with `divisor` =
 *             scale the codes are 0 too. A row of zeros has γ = 1.
 * specials    none
 * tails       the last vector of a row may be shorter
 * storage     codes of N bits packed from the low bit on, vector scales of S bits, coarse scales as float32 (its width is
 *             not published: assumed)
 */

interface VectorScaleFit extends Fit {
  /** γ of each row, or one. */
  readonly coarse: Float32Array;
  /** What the values of a vector are divided by. Not stored: codes are read without it. */
  readonly divisors?: Float32Array | undefined;
}

class VsQuant implements TensorFormat<VectorScaleFit> {
  readonly name = 'vs-quant';
  readonly granule = 1;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number;
  readonly #bits: number;
  readonly #scaleBits: number;
  readonly #wholeTensor: boolean;

  constructor(settings: Settings, granularity: Granularity) {
    this.settings = settings;
    this.granularity = granularity;
    this.#bits = Number(settings.bits);
    this.#scaleBits = Number(settings['scale-bits']);
    this.#wholeTensor = settings.coarse === 'tensor';
    this.largestInteger = 2 ** (this.#bits - 1) - 1;
  }

  get codeBits(): number {
    return this.#bits;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number, whole?: VectorScaleFit): VectorScaleFit {
    const vectors = groupCount(this.granularity, x.length, columns);
    const mark = kernels.mark();
    const [scales, steps] = [kernels.floats(vectors), kernels.floats(vectors)];
    const coarse = kernels.floats(this.#coarseCount(x.length, columns));
    if (whole) coarse.set(whole.coarse);
    kernels.formats.groupAbsMax(steps, x, layoutOf(this.granularity, x.length, columns));
    kernels.formats.twoLevelScales(scales, steps, coarse, {
      largest: this.largestInteger,
      largestScale: 2 ** this.#scaleBits - 1,
      divideBy: this.settings.divisor === 'scale' ? 'scale' : 'fine',
      coarseGiven: whole !== undefined,
    });
    const copy = (values: Float32Array) => new Float32Array(values);
    const fit = { scales: copy(scales), coarse: copy(coarse), divisors: copy(steps) };
    kernels.release(mark);
    return fit;
  }

  #coarseCount(length: number, columns: number): number {
    if (length === 0) return 0;
    return this.#wholeTensor ? 1 : length / columns;
  }

  round(
    kernels: Kernels,
    x: Float32Array,
    columns: number,
    { scales, divisors = scales }: VectorScaleFit,
    to: RoundTo,
  ): void {
    const layout = layoutOf(this.granularity, x.length, columns);
    const [low, high] = [-this.largestInteger, this.largestInteger];
    kernels.formats.roundIntegers(x, divisors, layout, { low, high, to: 'elements' });
    if (to === 'values') kernels.formats.scaleGroups(x, scales, layout);
  }

  encode(x: Float32Array, columns: number, { scales, divisors = scales }: VectorScaleFit): Codes {
    return codesOf(x, (value, i) => {
      const quotient = Math.fround(value / divisors[groupOf(this.granularity, i, columns)]!);
      const integer = Number.isFinite(quotient) ? roundHalfEven(quotient) : quotient || 0;
      const code = Math.min(Math.max(integer, -this.largestInteger), this.largestInteger);
      return code < 0 ? code + 2 ** this.#bits : code;
    });
  }

  decode(codes: Codes): Float32Array {
    const half = 2 ** (this.#bits - 1);
    return elementsOf(codes, (code) => (code < half ? code : code - 2 * half));
  }

  pack(codes: Codes, columns: number, { scales, coarse }: VectorScaleFit): Packed {
    const integers = Array.from(scales, (scale, vector) => {
      return roundHalfEven(scale / coarse[this.#coarseOf(vector, columns)]!);
    });
    return {
      sections: {
        codes: packBits(codes, this.#bits),
        scales: packBits(integers, this.#scaleBits),
        coarse: floatBytes(coarse),
      },
      bits: codes.length * this.#bits + integers.length * this.#scaleBits + coarse.length * 32,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: VectorScaleFit } {
    const coarse = bytesToFloats(sections.coarse!);
    const vectors = groupCount(this.granularity, rows * columns, columns);
    const integers = unpackBits(sections.scales!, this.#scaleBits, vectors);
    const scales = Float32Array.from(integers, (integer, vector) => {
      return integer * coarse[this.#coarseOf(vector, columns)]!;
    });
    return { codes: unpackBits(sections.codes!, this.#bits, rows * columns), fit: { scales, coarse } };
  }

  #coarseOf(vector: number, columns: number): number {
    if (this.#wholeTensor) return 0;
    return Math.floor(vector / groupCount(this.granularity, columns, columns));
  }

  describe(_codes: Codes, _columns: number, { scales }: VectorScaleFit): Record<string, unknown> {
    const lost = scales.reduce((count, scale) => count + (scale === 0 ? 1 : 0), 0);
    return { zeroScaleShare: scales.length === 0 ? 0 : lost / scales.length };
  }
}

export const vsQuant: FormatDefinition = {
  name: 'vs-quant',
  summary:
    "two's complement integers of 3 to 8 bits, a scale of a few bits a vector of 16, a coarse scale a row",
  source: 'Dai et al., VS-Quant: Per-vector Scaled Quantization, MLSys 2021 (arXiv 2102.04503)',
  table: {
    bits: '3-8',
    range: '±3 to ±127',
    specials: 'none; saturates',
    scale: '2-10-bit integer a vector · float32 a row or tensor',
  },
  settings: {
    bits: {
      kind: 'integer',
      min: 3,
      max: 8,
      // What Anda's comparison counts VS-Quant with (HPCA 2025, Table II).
      default: 4,
      description: 'bits of an element',
    },
    'scale-bits': {
      kind: 'integer',
      min: 2,
      max: 10,
      // Dai et al. choose it by network; 6 is assumed.
      default: 6,
      description: 'bits of the scale of a vector',
    },
    coarse: {
      kind: 'choice',
      values: ['row', 'tensor'],
      default: 'row',
      description: 'what shares the float scale: a row (an output channel, a token) or everything',
    },
    divisor: {
      kind: 'choice',
      values: ['fine', 'scale'],
      default: 'fine',
      description: 'what values are divided by: the scale before it is rounded, or the one that is applied',
    },
  },
  granularities: ['group'],
  defaultGranularity: { group: 16 },
  create: (settings, granularity) => new VsQuant(settings, granularity),
};
