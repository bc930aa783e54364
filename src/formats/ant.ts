import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, codesOf, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { type ClipChoice, clipped, hundredths, searchClip } from './clip.ts';
import {
  type CodeTable,
  codeTable,
  decodeNumber,
  encodeNumber,
  NUMBER_TYPES,
  type NumberType,
} from './number-types.ts';
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
 * ANT: adaptive numeric types (Guo et al., MICRO 2022), and two of its types on their own, flint4 and pot4. What a type's
 * codes are stands in number-types.ts.
 *
 * type        one for the whole tensor (a decoder of the array is set once a tensor): the one with the least squared
 *             error, each with its own best scales; of equals the first of int, flint, pot, float. `auto` above 6 bits
 *             is int, as in the public code. A part of a larger matrix takes that matrix' type.
 * scale       a tensor, row or group: max|x| / largest element, times 0.75 .. 1.49 in hundredths by least squared error,
 *             the first of equals (the public code's range, above 6 bits from 0.95; its scripts take rows for weights and
 *             the tensor for activations); or without that factor (`clip: max`, the default of flint4 and pot4)
 * signs       always signed. The public code's unsigned grids for activations without negative values, and its code
 *             -2^(b-1) of int, are not modelled.
 * rounding    x / scale in float32 to the nearest element, ties to the larger magnitude; beyond the ends it saturates
 * zeros       a group of zeros has scale 1
 * tails       the last group of a row may be shorter
 * storage     sign and magnitude codes of b bits, a float32 scale a group, 2 bits for the type where it was chosen
 */

interface AntFit extends Fit {
  readonly type: NumberType;
}

class Ant implements TensorFormat<AntFit> {
  readonly granule = 1;
  readonly name: string;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number | undefined;
  readonly #bits: number;
  readonly #tables: readonly CodeTable[];

  constructor(
    name: string,
    settings: Settings,
    granularity: Granularity,
    bits: number,
    types: readonly NumberType[],
  ) {
    this.name = name;
    this.settings = settings;
    this.granularity = granularity;
    this.#bits = bits;
    this.#tables = types.map((type) => codeTable(type, bits, settings.exponent as number | undefined));
    const largest = Math.max(...this.#tables.map((table) => table.largest));
    // Products of such integers are exact in the integers and floats that multiply them.
    if (largest < 2 ** 15) this.largestInteger = largest;
  }

  get codeBits(): number {
    return this.#bits;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number, whole?: AntFit): AntFit {
    const mark = kernels.mark();
    const maxima = kernels.floats(groupCount(this.granularity, x.length, columns));
    kernels.formats.groupAbsMax(maxima, x, layoutOf(this.granularity, x.length, columns));
    const tables = whole ? [this.#table(whole.type)] : this.#tables;
    let best: (AntFit & { error: number }) | undefined;
    for (const table of tables) {
      const scales = Float32Array.from(maxima, (max) => this.#scale(max, table));
      const factors = this.#factors();
      // One type with one factor is no choice.
      if (tables.length === 1 && factors.length === 1) {
        best = { type: table.type, scales, error: 0 };
        break;
      }
      const choice = this.#search(kernels, x, columns, table, scales, factors);
      const error = choice.errors.reduce((sum, part) => sum + part, 0);
      if (best && !(error < best.error)) continue;
      const chosen = scales.map((s, i) => (maxima[i]! > 0 ? clipped(s, choice.factors[i]!) : s));
      best = { type: table.type, scales: chosen, error };
    }
    kernels.release(mark);
    return { scales: best!.scales, type: best!.type };
  }

  /** The scale that takes `max` to the largest element. */
  #scale(max: number, { largest }: CodeTable): number {
    const { scale } = this.settings;
    if (typeof scale === 'number') return Math.fround(scale);
    return max > 0 ? Math.fround(max / largest) || 2 ** -149 : 1;
  }

  #factors(): readonly number[] {
    if (this.settings.clip === 'max' || this.settings.scale !== undefined) return [1];
    return hundredths(this.#bits > 6 ? 95 : 75, 149);
  }

  #search(
    kernels: Kernels,
    x: Float32Array,
    columns: number,
    { type }: CodeTable,
    scales: Float32Array,
    factors: readonly number[],
  ): ClipChoice {
    return searchClip<AntFit>(kernels, this, x, columns, factors, (factor, first, count) => ({
      scales: scales.slice(first, first + count).map((scale) => clipped(scale, factor)),
      type,
    }));
  }

  #table(type: NumberType): CodeTable {
    return this.#tables.find((table) => table.type === type)!;
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales, type }: AntFit, to: RoundTo): void {
    const { grid } = this.#table(type);
    const layout = layoutOf(this.granularity, x.length, columns);
    kernels.formats.roundToGrid(x, scales, layout, { grid, of: 'magnitudes', to });
  }

  encode(x: Float32Array, columns: number, { scales, type }: AntFit): Codes {
    const table = this.#table(type);
    return codesOf(x, (value, i) =>
      encodeNumber(table, Math.fround(value / scales[groupOf(this.granularity, i, columns)]!)),
    );
  }

  decode(codes: Codes, _columns: number, { type }: AntFit): Float32Array {
    const table = this.#table(type);
    return elementsOf(codes, (code) => decodeNumber(table, code));
  }

  pack(codes: Codes, _columns: number, { scales, type }: AntFit): Packed {
    const sections: Record<string, Uint8Array> = {
      codes: packBits(codes, this.#bits),
      scales: floatBytes(scales),
    };
    let bits = codes.length * this.#bits + scales.length * 32;
    if (this.#tables.length > 1) {
      sections.type = packBits([NUMBER_TYPES.indexOf(type)], 2);
      bits += 2;
    }
    return { sections, bits };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: AntFit } {
    const type = sections.type ? NUMBER_TYPES[unpackBits(sections.type, 2, 1)[0]!]! : this.#tables[0]!.type;
    return {
      codes: unpackBits(sections.codes!, this.#bits, rows * columns),
      fit: { scales: bytesToFloats(sections.scales!), type },
    };
  }

  describe(_codes: Codes, _columns: number, { type }: AntFit): Record<string, unknown> {
    return { type };
  }
}

const SOURCE = 'Guo et al., ANT, MICRO 2022';

const clip = (chosen: 'max' | 'mse') =>
  ({
    kind: 'choice',
    values: ['max', 'mse'],
    default: chosen,
    description: 'scale from max|x|, or 0.75 .. 1.49 times that by squared error',
  }) as const;

export const ant: FormatDefinition = {
  name: 'ant',
  summary: 'int, flint, powers of two or a small float, whichever errs least for the tensor',
  source: SOURCE,
  table: {
    bits: '3-8',
    range: '4 bits: int ±7, flint ±16, pot ±64, float ±64 (E3M0)',
    specials: 'none; saturates',
    scale: 'float32, by squared error from max|x| / largest element',
  },
  settings: {
    bits: { kind: 'integer', min: 3, max: 8, default: 4, description: 'width of a code' },
    type: {
      kind: 'choice',
      values: ['auto', ...NUMBER_TYPES],
      default: 'auto',
      description: 'number type, or the one that errs least',
    },
    exponent: {
      kind: 'integer',
      min: 1,
      max: 4,
      default: 3,
      description: 'exponent bits of the type float: E2M1 at 4 bits is 2',
    },
    clip: clip('mse'),
    scale: SCALE,
  },
  granularities: ['tensor', 'row', 'group'],
  defaultGranularity: 'row',
  create: (settings, granularity) => {
    const bits = settings.bits as number;
    const auto: readonly NumberType[] = bits > 6 ? ['int'] : NUMBER_TYPES;
    const types = settings.type === 'auto' ? auto : [settings.type as NumberType];
    return new Ant('ant', settings, granularity, bits, types);
  },
};

function single(name: string, type: NumberType, summary: string, range: string): FormatDefinition {
  return {
    name,
    summary,
    source: SOURCE,
    table: {
      bits: '4',
      range,
      specials: 'none; code 1000 (-0) unused; saturates',
      scale: 'float32, max|x| / largest element',
    },
    settings: { clip: clip('max'), scale: SCALE },
    granularities: ['tensor', 'row', 'group'],
    defaultGranularity: 'row',
    create: (settings, granularity) => new Ant(name, settings, granularity, 4, [type]),
  };
}

export const flint4 = single('flint4', 'flint', 'sign, then a first-one code: 0 1 2 3 4 6 8 16', '±16');
export const pot4 = single('pot4', 'pot', 'sign, then 0 or a power of two: 0 1 2 4 8 16 32 64', '±64');
