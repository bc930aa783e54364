import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, codesOf, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { CLIP, clipScales } from './clip.ts';
import { SCALE, type SettingSpecs, type Settings } from './settings.ts';
import { beyond, decodeSmallFloat, encodeSmallFloat, type Overflow, type SmallFloat } from './small-float.ts';
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
 * A small float with a float32 scale.
 *
 * scale       max|x| / largest element in float32, as for integers; a setting fixes it, `clip: mse` searches it (clip.ts)
 * rounding    x / scale in float32, then to nearest, ties to even; subnormals kept; the sign of zero kept
 * overflow    where the scale is a given one, one of other data (static scales), clipped, or a subnormal that rounded down.
 *             Saturates; with `overflow: special` (FP8 only) what rounds beyond the largest element becomes infinity, or NaN
 *             in a float without one: the saturating and the non-saturating mode of OCP OFP8 v1.0. Infinity overflows
 *             like any other value
 * NaN         stays one in FP8, becomes +0 in floats that have none (left open in OCP MX v1.0)
 * zeros       a group of zeros has scale 1
 * tails       the last group of a row may be shorter
 * storage     codes packed from the low bit on, then a float32 scale a group
 */
class ScaledFloat implements TensorFormat {
  readonly granule = 1;
  readonly takesFromWhole: 'nothing' | 'extremes' | 'all';
  readonly name: string;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly #float: SmallFloat;
  readonly #overflow: Overflow;

  constructor(float: SmallFloat, settings: Settings, granularity: Granularity) {
    this.name = float.name;
    this.settings = settings;
    this.granularity = granularity;
    const fixed = settings.scale !== undefined;
    this.takesFromWhole =
      granularity !== 'tensor' || fixed ? 'nothing' : settings.clip === 'mse' ? 'all' : 'extremes';
    this.#float = float;
    this.#overflow = settings.overflow === 'special' ? 'special' : 'saturate';
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const count = groupCount(this.granularity, x.length, columns);
    const { scale } = this.settings;
    if (typeof scale === 'number') return { scales: new Float32Array(count).fill(scale) };
    const mark = kernels.mark();
    const scales = kernels.floats(count);
    kernels.formats.groupScales(scales, x, layoutOf(this.granularity, x.length, columns), this.#float.max);
    const own = new Float32Array(scales);
    kernels.release(mark);
    if (this.settings.clip !== 'mse') return { scales: own };
    return { scales: clipScales(kernels, this, x, columns, own) };
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    kernels.formats.roundFloats(x, scales, layoutOf(this.granularity, x.length, columns), {
      float: this.#float,
      beyond: beyond(this.#float, this.#overflow),
      hasNan: this.#float.specials !== 'none',
      to,
    });
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) => {
      const quotient = Math.fround(value / scales[groupOf(this.granularity, i, columns)]!);
      return encodeSmallFloat(this.#float, quotient, this.#overflow);
    });
  }

  decode(codes: Codes): Float32Array {
    return elementsOf(codes, (code) => decodeSmallFloat(this.#float, code));
  }

  pack(codes: Codes, _columns: number, { scales }: Fit): Packed {
    const { bits } = this.#float;
    return {
      sections: { codes: packBits(codes, bits), scales: floatBytes(scales) },
      bits: codes.length * bits + scales.length * 32,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const codes = unpackBits(sections.codes!, this.#float.bits, rows * columns);
    return { codes, fit: { scales: bytesToFloats(sections.scales!) } };
  }
}

const OVERFLOW = {
  kind: 'choice',
  values: ['saturate', 'special'],
  default: 'saturate',
  description: 'what is beyond the largest value: that value, or infinity (NaN where there is none)',
} as const;

/** What the table of formats says of a float's specials. */
export function specialsOf({ specials }: SmallFloat): string {
  return {
    none: 'none; saturates',
    nan: 'NaN, subnormals; saturates',
    infinities: '±infinity, NaN, subnormals; saturates',
  }[specials];
}

/** The registry's entry of a small float with a float32 scale. */
export function scaledFloatFormat(float: SmallFloat, summary: string, source: string): FormatDefinition {
  const settings: SettingSpecs = {
    ...(float.specials !== 'none' && { overflow: OVERFLOW }),
    clip: CLIP,
    scale: SCALE,
  };
  return {
    name: float.name,
    summary,
    source,
    table: {
      bits: String(float.bits),
      range: `±${float.max}`,
      specials: specialsOf(float),
      scale: 'float32, max|x| / largest element',
    },
    settings,
    granularities: ['tensor', 'row', 'group'],
    defaultGranularity: 'row',
    create: (chosen, granularity) => new ScaledFloat(float, chosen, granularity),
  };
}
