import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { codesOf, elementsOf, packBits, unpackBits } from './bits.ts';
import { alignedMagnitude, exponentScale, halfFields, sharedExponent } from './half-alignment.ts';
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
 * FIGNA: float16 activations that its pre-aligner turns into integers on the largest exponent in front of the array, so
 * that integer units multiply them with integer weights.
 *
 * fields      integers of 1 + M bits in two's complement, |m| < 2^M, on a 5-bit exponent E: value = m · 2^(E - 15 - (M - 1)).
 *             M = 13 is FIGNA (14-bit integers; the 13 bits that Anda counts a product with, HPCA 2025, Table II), M = 11
 *             and 8 are FIGNA-M11 and FIGNA-M8 there. The range is symmetric: -2^M is read and never written.
 * input       rounded to float16 first, ties to even; saturates at 65504; subnormals exact, as in anda.ts
 * rounding    truncation of the aligned mantissa (FIGNA truncates after pre-alignment; on the magnitude: assumed)
 * group       how many values share the exponent is the height of an array; 64, as Anda's units compare: assumed
 * saturation  none in a group that was fitted; with a fit from elsewhere |m| ends at 2^M - 1
 * zeros       one zero; a group of zeros has E = 1. Field 0 of E is never written and read as 1.
 * tails       the last group of a row may be shorter
 * storage     what the array receives: integers packed from the low bit on, then exponents of 5 bits. Memory holds the
 *             float16 values themselves, 16 bits each.
 */

class Figna implements TensorFormat {
  readonly name = 'figna';
  readonly granule = 1;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number;
  readonly #mantissa: number;

  constructor(settings: Settings, granularity: Granularity) {
    this.settings = settings;
    this.granularity = granularity;
    this.#mantissa = Number(settings.mantissa);
    this.largestInteger = 2 ** this.#mantissa - 1;
  }

  get codeBits(): number {
    return this.#mantissa + 1;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const mark = kernels.mark();
    const scales = kernels.floats(groupCount(this.granularity, x.length, columns));
    const layout = layoutOf(this.granularity, x.length, columns);
    kernels.formats.sharedScales(scales, x, layout, { mantissa: this.#mantissa, of: 'float16' });
    const fit = { scales: new Float32Array(scales) };
    kernels.release(mark);
    return fit;
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    const layout = layoutOf(this.granularity, x.length, columns);
    kernels.formats.alignHalves(x, scales, layout, { largest: this.largestInteger, negativeZero: false, to });
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) => {
      const scale = scales[groupOf(this.granularity, i, columns)]!;
      const fields = halfFields(value);
      const magnitude = alignedMagnitude(fields, sharedExponent(scale, this.#mantissa), this.#mantissa);
      return fields.negative && magnitude > 0 ? 2 ** (this.#mantissa + 1) - magnitude : magnitude;
    });
  }

  decode(codes: Codes): Float32Array {
    const half = 2 ** this.#mantissa;
    return elementsOf(codes, (code) => (code < half ? code : code - 2 * half));
  }

  pack(codes: Codes, _columns: number, { scales }: Fit): Packed {
    const exponents = Array.from(scales, (scale) => sharedExponent(scale, this.#mantissa));
    return {
      sections: { codes: packBits(codes, this.#mantissa + 1), exponents: packBits(exponents, 5) },
      bits: codes.length * (this.#mantissa + 1) + exponents.length * 5,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const count = groupCount(this.granularity, rows * columns, columns);
    const exponents = unpackBits(sections.exponents!, 5, count);
    const scales = Float32Array.from(exponents, (exponent) => exponentScale(exponent, this.#mantissa));
    return { codes: unpackBits(sections.codes!, this.#mantissa + 1, rows * columns), fit: { scales } };
  }
}

export const figna: FormatDefinition = {
  name: 'figna',
  summary: "float16 pre-aligned to the group's largest exponent: two's complement integers of 1 + M bits",
  source: 'FIGNA, HPCA 2024 (doi 10.1109/HPCA57654.2024.00064); widths as in Anda, HPCA 2025',
  table: {
    bits: '1 + M',
    range: '±(2^M - 1) · 2^(E - 14 - M), to ±65504',
    specials: 'none; saturates',
    scale: '2^(E - 14 - M), 5-bit E of the largest in the group',
  },
  settings: {
    mantissa: {
      kind: 'integer',
      min: 1,
      max: 16,
      default: 13,
      description: 'bits of the aligned magnitude, hidden bit included: 13, 11 (FIGNA-M11) or 8 (FIGNA-M8)',
    },
  },
  granularities: ['row', 'group'],
  defaultGranularity: { group: 64 },
  create: (settings, granularity) => new Figna(settings, granularity),
};
