import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { codesOf, elementsOf, packBits, unpackBits } from './bits.ts';
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
 * Microsoft floating point: a bounding box of values shares an 8-bit exponent.
 *
 * fields      sign 1 | mantissa m = bits - 9, without hidden bit; the box shares the exponent E, 8 bits, bias 127, of its
 *             largest value. MSFP12 has 3 bits of mantissa, MSFP16 7. Value = ±k · 2^(E - (m - 1)), k < 2^m.
 * rounding    the mantissa to nearest, ties to even; or towards 0 (`rounding`). The paper does not say which: to nearest
 *             is assumed.
 * saturation  a mantissa that rounds up to 2^m becomes 2^m - 1; the exponent stays that of the largest value (assumed)
 * subnormals  of float32: exponent field 0 counts as 1, E = -126
 * zeros       the sign of -0, and of a negative value that rounds to 0, stays. A box of zeros has E = 0 (our choice).
 * specials    none; exponent 0 is never written and read as 1; with 255, E = 128, values may overflow float32
 * tails       the last box of a row may be shorter
 * storage     sign and mantissa, 1 + m bits a value packed from the low bit on, then the exponents, 8 bits each
 */

const BIAS = 127;
/** Sign and exponent, as the number in the name MSFP12 counts them. */
const SIGN_AND_EXPONENT = 9;

class Msfp implements TensorFormat {
  readonly name = 'msfp';
  readonly granule = 1;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number;
  readonly #mantissa: number;
  readonly #rounding: 'nearest' | 'truncate';

  constructor(settings: Settings, granularity: Granularity) {
    this.settings = settings;
    this.granularity = granularity;
    this.#mantissa = Number(settings.bits) - SIGN_AND_EXPONENT;
    this.#rounding = settings.rounding === 'truncate' ? 'truncate' : 'nearest';
    this.largestInteger = 2 ** this.#mantissa - 1;
  }

  get codeBits(): number {
    return this.#mantissa + 1;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const mark = kernels.mark();
    const scales = kernels.floats(groupCount(this.granularity, x.length, columns));
    const layout = layoutOf(this.granularity, x.length, columns);
    kernels.formats.sharedScales(scales, x, layout, { mantissa: this.#mantissa, of: 'float32' });
    const fit = { scales: new Float32Array(scales) };
    kernels.release(mark);
    return fit;
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    const layout = layoutOf(this.granularity, x.length, columns);
    const rounding = this.#rounding;
    kernels.formats.alignFloats(x, scales, layout, { largest: this.largestInteger, rounding, to });
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) => {
      // A float32 over a power of two is exact in float64.
      const steps = Math.abs(value) / scales[groupOf(this.granularity, i, columns)]!;
      const integer = this.#rounding === 'nearest' ? roundHalfEven(steps) : Math.floor(steps);
      const negative = value < 0 || Object.is(value, -0);
      return Math.min(integer, this.largestInteger) + (negative ? 2 ** this.#mantissa : 0);
    });
  }

  decode(codes: Codes): Float32Array {
    const sign = 2 ** this.#mantissa;
    return elementsOf(codes, (code) => (code >= sign ? -(code - sign) : code));
  }

  pack(codes: Codes, _columns: number, { scales }: Fit): Packed {
    const exponents = Array.from(scales, (scale) => Math.log2(scale) + (this.#mantissa - 1) + BIAS);
    return {
      sections: { codes: packBits(codes, this.#mantissa + 1), exponents: packBits(exponents, 8) },
      bits: codes.length * (this.#mantissa + 1) + exponents.length * 8,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const count = groupCount(this.granularity, rows * columns, columns);
    const exponents = unpackBits(sections.exponents!, 8, count);
    const scales = Float32Array.from(
      exponents,
      (exponent) => 2 ** (Math.max(exponent, 1) - BIAS - (this.#mantissa - 1)),
    );
    return { codes: unpackBits(sections.codes!, this.#mantissa + 1, rows * columns), fit: { scales } };
  }
}

export const msfp: FormatDefinition = {
  name: 'msfp',
  summary:
    'Microsoft floating point, MSFP12 to MSFP16: 1 sign, 3 to 7 mantissa bits, 8-bit exponent of a box of 16',
  source: 'Rouhani et al., Pushing the Limits of Narrow Precision Inferencing at Cloud Scale, NeurIPS 2020',
  table: {
    bits: '4-8',
    range: '±(2^m - 1) · 2^(E - m + 1), m = 3..7',
    specials: '-0; saturates',
    scale: '2^(E - m + 1), 8-bit E of the largest in the box',
  },
  settings: {
    bits: {
      kind: 'integer',
      min: 12,
      max: 16,
      default: 12,
      description: 'the number in the name: sign, 8-bit exponent and mantissa',
    },
    rounding: {
      kind: 'choice',
      values: ['nearest', 'truncate'],
      default: 'nearest',
      description: 'of the mantissa: to nearest with ties to even, or towards 0',
    },
  },
  granularities: ['group'],
  defaultGranularity: { group: 16 },
  create: (settings, granularity) => new Msfp(settings, granularity),
};
