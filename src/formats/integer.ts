import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, codesOf, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { CLIP, CLIP_FACTORS, clipped, clipScales, searchClip, WIDE_CLIP_FACTORS } from './clip.ts';
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
 * Integers of 2 to 16 bits with a scale.
 *
 * symmetric   codes -(2^(b-1) - 1) .. 2^(b-1) - 1 in two's complement; scale = max|x| / (2^(b-1) - 1). The lowest code,
 *             -2^(b-1), is never produced and can be read: a bit flip can make it.
 * asymmetric  codes 0 .. 2^b - 1; scale = (max(x, 0) - min(x, 0)) / (2^b - 1), zero point = round(-min / scale); element =
 *             code - zero point, so that 0 is exact.
 * clip        `mse`: of the fractions 1.00, 0.99, ... 0.01 of that scale (above 8 bits 1.00 ... 0.95) the one with the least
 *             squared error, the widest of equals; asymmetric: both ends shrink by the same fraction
 * rounding    x / scale in float32, to nearest, ties to even; beyond the ends it saturates
 * zeros       a group of zeros has scale 1
 * tails       the last group of a row may be shorter
 * storage     codes of b bits packed from the low bit on, then a float32 scale a group, then a zero point of b bits a group
 */

interface IntegerFit extends Fit {
  readonly zeros?: Float32Array | undefined;
}

class Integer implements TensorFormat<IntegerFit> {
  readonly granule = 1;
  readonly takesFromWhole: 'nothing' | 'extremes' | 'all';
  readonly name: string;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number;
  readonly #bits: number;
  readonly #low: number;
  readonly #high: number;
  readonly #symmetric: boolean;

  constructor(bits: number, settings: Settings, granularity: Granularity) {
    this.name = `int${bits}`;
    this.settings = settings;
    this.granularity = granularity;
    const fixed = settings.scale !== undefined && settings.range !== 'asymmetric';
    this.takesFromWhole =
      granularity !== 'tensor' || fixed ? 'nothing' : settings.clip === 'mse' ? 'all' : 'extremes';
    this.#bits = bits;
    this.#symmetric = settings.range !== 'asymmetric';
    this.#high = this.#symmetric ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
    this.#low = this.#symmetric ? -this.#high : 0;
    this.largestInteger = this.#high;
  }

  get codeBits(): number {
    return this.#bits;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): IntegerFit {
    const layout = layoutOf(this.granularity, x.length, columns);
    const count = groupCount(this.granularity, x.length, columns);
    const { scale } = this.settings;
    if (this.#symmetric && typeof scale === 'number') return { scales: new Float32Array(count).fill(scale) };
    const mark = kernels.mark();
    const [low, high] = [kernels.floats(count), kernels.floats(count)];
    let fit: IntegerFit;
    if (this.#symmetric) {
      kernels.formats.groupScales(high, x, layout, this.#high);
      const scales = new Float32Array(high);
      fit = { scales: this.#clips ? clipScales(kernels, this, x, columns, scales, this.#factors) : scales };
    } else {
      kernels.formats.groupRange(low, high, x, layout);
      fit = this.#asymmetric(low, high, () => 1);
      if (this.#clips) {
        const { factors } = searchClip(kernels, this, x, columns, this.#factors, (factor, first, units) =>
          this.#asymmetric(
            low.subarray(first, first + units),
            high.subarray(first, first + units),
            () => factor,
          ),
        );
        fit = this.#asymmetric(low, high, (i) => factors[i]!);
      }
    }
    kernels.release(mark);
    return fit;
  }

  get #clips(): boolean {
    return this.settings.clip === 'mse' && this.settings.scale === undefined;
  }

  get #factors(): readonly number[] {
    return this.#bits > 8 ? WIDE_CLIP_FACTORS : CLIP_FACTORS;
  }

  /** Scales and zero points of ranges, each range times its factor. */
  #asymmetric(low: Float32Array, high: Float32Array, factor: (i: number) => number): IntegerFit {
    const scales = high.map((max, i) =>
      clipped(this.#scale(Math.max(max, 0) - Math.min(low[i]!, 0)), factor(i)),
    );
    const zeros = low.map((min, i) => {
      const below = Math.fround(-Math.min(min, 0) * factor(i));
      return Math.min(roundHalfEven(Math.fround(below / scales[i]!)), this.#high);
    });
    return { scales, zeros };
  }

  /** The scale that takes `extent` to the largest code. */
  #scale(extent: number): number {
    const { scale } = this.settings;
    if (typeof scale === 'number') return Math.fround(scale);
    return extent > 0 ? Math.fround(extent / this.#high) || 1 : 1;
  }

  round(
    kernels: Kernels,
    x: Float32Array,
    columns: number,
    { scales, zeros }: IntegerFit,
    to: RoundTo,
  ): void {
    const layout = layoutOf(this.granularity, x.length, columns);
    kernels.formats.roundIntegers(x, scales, layout, { low: this.#low, high: this.#high, zeros, to });
  }

  encode(x: Float32Array, columns: number, { scales, zeros }: IntegerFit): Codes {
    return codesOf(x, (value, i) => {
      const group = groupOf(this.granularity, i, columns);
      const zero = zeros?.[group] ?? 0;
      const integer = roundHalfEven(Math.fround(value / scales[group]!));
      const code = Math.min(Math.max(integer + zero, this.#low), this.#high);
      return code < 0 ? code + 2 ** this.#bits : code;
    });
  }

  decode(codes: Codes, columns: number, { zeros }: IntegerFit): Float32Array {
    return elementsOf(codes, (code, i) => {
      if (this.#symmetric) return code < 2 ** (this.#bits - 1) ? code : code - 2 ** this.#bits;
      return code - zeros![groupOf(this.granularity, i, columns)]!;
    });
  }

  pack(codes: Codes, _columns: number, { scales, zeros }: IntegerFit): Packed {
    const sections: Record<string, Uint8Array> = {
      codes: packBits(codes, this.#bits),
      scales: floatBytes(scales),
    };
    let bits = codes.length * this.#bits + scales.length * 32;
    if (zeros) {
      sections.zeros = packBits(zeros, this.#bits);
      bits += zeros.length * this.#bits;
    }
    return { sections, bits };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: IntegerFit } {
    const scales = bytesToFloats(sections.scales!);
    const zeros = sections.zeros && Float32Array.from(unpackBits(sections.zeros, this.#bits, scales.length));
    return { codes: unpackBits(sections.codes!, this.#bits, rows * columns), fit: { scales, zeros } };
  }
}

/** The integer format of a width, 2..16. */
export function integerFormat(bits: number): FormatDefinition {
  const max = 2 ** (bits - 1) - 1;
  return {
    name: `int${bits}`,
    summary: `two's complement, codes ±${max}, or 0 .. ${2 ** bits - 1} with a zero point; with a scale`,
    source: 'Jacob et al., CVPR 2018; restricted range as in Xiao et al., SmoothQuant, ICML 2023',
    table: {
      bits: `${bits}`,
      range: `±${max}`,
      specials: 'none; saturates',
      scale: 'float32, max|x| / largest code',
    },
    settings: {
      range: {
        kind: 'choice',
        values: ['symmetric', 'asymmetric'],
        default: 'symmetric',
        description: 'codes around 0, or from 0 with a zero point',
      },
      clip: CLIP,
      scale: SCALE,
    },
    granularities: ['tensor', 'row', 'group'],
    defaultGranularity: 'row',
    create: (settings, granularity) => new Integer(bits, settings, granularity),
  };
}
