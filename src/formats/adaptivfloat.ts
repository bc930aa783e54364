import { InputError } from '../errors.ts';
import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { codesOf, elementsOf, packBits, unpackBits } from './bits.ts';
import { floorLog2, nextUp } from './float32-steps.ts';
import { roundHalfEven } from './ieee.ts';
import { SCALE, type Settings } from './settings.ts';
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
 * AdaptivFloat (Tambe et al., DAC 2020): a float without subnormals, infinities and NaN, whose exponent range is moved
 * so that max|x| lies in its uppermost binade. n bits: sign, e exponent bits, m = n - 1 - e mantissa bits, from the top.
 *
 * scale       2^floor(log2 max|x|), kept to 2^-126 .. 2^127: elements of the uppermost binade are 1 .. 2 - 2^-m
 * decode      the magnitude code 0 is 0 (with either sign; -0 is never produced and reads as 0); any other is
 *             2^(field - top) · (1 + mantissa / 2^m), where `top` is the field of the uppermost binade
 * variant     `reference-code` (default; the authors' quantize_adaptivfloat, which others compare with): exponents from
 *             min = -2^(e-1) + 2 - bias to -2^(e-1) + 2^e - 1 - bias, bias = 2^(e-1) - 1 - floor(log2 max|x|): fields
 *             1 .. 2^e - 2, so top = 2^e - 2; |x| < 2^min is flushed to 0, everything from there on is kept. Field 0 (but
 *             for code 0) and the last field are not produced.
 *             `paper` (Algorithm 1): top = 2^e - 1, all fields are used. Code 0, which would be the smallest power of two,
 *             is given up for 0: the smallest magnitude is 2^-top · (1 + 2^-m); what is below half of it goes to 0, what
 *             is between goes to it. Exactly half is not said there; it goes to 0 (assumed).
 * rounding    clipped to 2 - 2^-m, then the significand to nearest, ties to even (with m = 0 the significand is 1: up)
 * zeros       a group of zeros has scale 1
 * tails       the last group of a row may be shorter
 * storage     codes of n bits, then the exponent of each scale + 127 in 8 bits (the paper stores an exponent bias; its
 *             width there is the accelerator's)
 */
class AdaptivFloat implements TensorFormat {
  readonly granule = 1;
  readonly name = 'adaptivfloat';
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly #bits: number;
  readonly #mantissa: number;
  readonly #top: number;
  readonly #smallest: number;
  readonly #flush: number;
  readonly #largest: number;

  constructor(bits: number, exponent: number, settings: Settings, granularity: Granularity) {
    const paper = settings.variant === 'paper';
    this.settings = settings;
    this.granularity = granularity;
    this.#bits = bits;
    this.#mantissa = bits - 1 - exponent;
    this.#top = paper ? 2 ** exponent - 1 : 2 ** exponent - 2;
    const step = 2 ** -this.#mantissa;
    this.#smallest = paper ? 2 ** -this.#top * (1 + step) : 2 ** (1 - this.#top);
    this.#flush = paper ? nextUp(this.#smallest / 2) : this.#smallest;
    this.#largest = 2 - step;
  }

  get codeBits(): number {
    return this.#bits;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const mark = kernels.mark();
    const maxima = kernels.floats(groupCount(this.granularity, x.length, columns));
    kernels.formats.groupAbsMax(maxima, x, layoutOf(this.granularity, x.length, columns));
    const { scale } = this.settings;
    const scales = Float32Array.from(maxima, (max) => {
      const extent = typeof scale === 'number' ? Math.fround(scale) : max;
      return extent > 0 ? 2 ** Math.max(floorLog2(extent), -126) : 1;
    });
    kernels.release(mark);
    return { scales };
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    const layout = layoutOf(this.granularity, x.length, columns);
    const [flush, smallest, largest] = [this.#flush, this.#smallest, this.#largest];
    kernels.formats.roundFlushedFloats(x, scales, layout, {
      mantissa: this.#mantissa,
      flush,
      smallest,
      largest,
      to,
    });
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) => {
      const number = Math.fround(value / scales[groupOf(this.granularity, i, columns)]!);
      return this.#encode(number);
    });
  }

  #encode(number: number): number {
    const size = Math.min(Math.abs(number), this.#largest);
    if (!(size >= this.#flush)) return 0;
    const exponent = Math.floor(Math.log2(size));
    const unit = 2 ** this.#mantissa;
    // Counting significands from the lowest field on, a carry goes into the next field by itself.
    const code = (exponent + this.#top) * unit + roundHalfEven((size / 2 ** exponent) * unit) - unit;
    const sign = number < 0 ? 2 ** (this.#bits - 1) : 0;
    return sign + Math.max(code, this.settings.variant === 'paper' ? 1 : unit);
  }

  decode(codes: Codes): Float32Array {
    const sign = 2 ** (this.#bits - 1);
    const unit = 2 ** this.#mantissa;
    return elementsOf(codes, (code) => {
      const magnitude = code % sign;
      if (magnitude === 0) return 0;
      const field = Math.floor(magnitude / unit);
      const value = 2 ** (field - this.#top) * (1 + (magnitude % unit) / unit);
      return code >= sign ? -value : value;
    });
  }

  pack(codes: Codes, _columns: number, { scales }: Fit): Packed {
    const exponents = Array.from(scales, (scale) => floorLog2(scale) + 127);
    return {
      sections: { codes: packBits(codes, this.#bits), exponents: packBits(exponents, 8) },
      bits: codes.length * this.#bits + scales.length * 8,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const exponents = unpackBits(sections.exponents!, 8, sections.exponents!.length);
    return {
      codes: unpackBits(sections.codes!, this.#bits, rows * columns),
      fit: { scales: Float32Array.from(exponents, (exponent) => 2 ** (exponent - 127)) },
    };
  }
}

export const adaptivfloat: FormatDefinition = {
  name: 'adaptivfloat',
  summary: 'sign, exponent, mantissa; no subnormals; the exponent range follows max|x|',
  source: 'Tambe et al., AdaptivFloat, DAC 2020',
  table: {
    bits: '4-16',
    range: '±(2 - 2^-m), 8 bits: from 2^-13',
    specials: 'none; saturates; small values to 0',
    scale: 'power of two, 8-bit exponent: 2^floor(log2 max|x|)',
  },
  settings: {
    bits: { kind: 'integer', min: 4, max: 16, default: 8, description: 'width of a code' },
    exponent: {
      kind: 'integer',
      min: 2,
      max: 6,
      description: 'exponent bits; 4 where not given, 3 below 6 bits',
    },
    variant: {
      kind: 'choice',
      values: ['reference-code', 'paper'],
      default: 'reference-code',
      description: "exponents and small values as in the authors' code or as printed",
    },
    scale: { ...SCALE, description: 'max|x| for everything, taken down to a power of two' },
  },
  granularities: ['tensor', 'row', 'group'],
  defaultGranularity: 'tensor',
  create: (settings, granularity) => {
    const bits = settings.bits as number;
    const exponent = (settings.exponent as number | undefined) ?? (bits < 6 ? 3 : 4);
    if (exponent > bits - 1) {
      throw new InputError(
        `adaptivfloat: expected exponent to be at most ${bits - 1}, found ${exponent}: ${bits} bits hold a sign and the exponent`,
        { note: 'use more bits or a smaller exponent' },
      );
    }
    return new AdaptivFloat(bits, exponent, settings, granularity);
  },
};
