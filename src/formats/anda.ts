import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import type { AndaGroup } from './anda-compressor.ts';
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
 * Anda: activations in groups that share an exponent, with as many mantissa bits as the tensor needs.
 *
 * fields      sign 1 | mantissa M = 1..16, hidden bit included; a group shares the 5-bit exponent E of its largest
 *             element, bias 15. Value = ±m · 2^(E - 15 - (M - 1)): the element is ±m, |m| < 2^M, the scale a power of two.
 * input       rounded to float16 first (to nearest, ties to even), because that is what reaches the compressor. Above
 *             65504 it saturates at 65504 (our choice; the paper's activations do not get there). NaN and infinity are an
 *             input error of the caller.
 * rounding    mantissas are shifted right by E - e and truncated, on the magnitude. See half-alignment.ts for M > 11.
 * subnormals  of float16: exponent field 0 counts as 1, without hidden bit, so that they are exact (our choice).
 * saturation  none in a group that was fitted; with a fit from elsewhere |m| ends at 2^M - 1 (our choice).
 * zeros       the sign of -0, and of a negative value whose mantissa is cut to 0, stays: the element is -0, as the sign
 *             word has it. A group of zeros has E = 1. Field 0 of E is never written and read as 1.
 * tails       the last group of a row may be shorter; its words are filled with zeros
 * storage     bit planes: a group is one sign word and M mantissa words, the most significant bit first, element i in bit
 *             i of the word. Words are 64 bits wide, a multiple of that for groups above 64, little-endian. Exponents are
 *             packed, 5 bits each, beside them.
 */

const WORD = 64;

class Anda implements TensorFormat {
  readonly name = 'anda';
  readonly granule = 1;
  readonly settings: Settings;
  readonly granularity: { readonly group: number };
  readonly largestInteger: number;
  readonly #mantissa: number;

  constructor(settings: Settings, granularity: Granularity) {
    if (typeof granularity === 'string') throw new Error('anda takes groups');
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
    kernels.formats.alignHalves(x, scales, layout, { largest: this.largestInteger, negativeZero: true, to });
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) => {
      const scale = scales[groupOf(this.granularity, i, columns)]!;
      const fields = halfFields(value);
      const magnitude = alignedMagnitude(fields, sharedExponent(scale, this.#mantissa), this.#mantissa);
      return magnitude + (fields.negative ? 2 ** this.#mantissa : 0);
    });
  }

  decode(codes: Codes): Float32Array {
    const sign = 2 ** this.#mantissa;
    return elementsOf(codes, (code) => (code >= sign ? -(code - sign) : code));
  }

  pack(codes: Codes, columns: number, { scales }: Fit): Packed {
    const planes = new Uint8Array(scales.length * this.#groupBytes());
    const word = wordBits(this.granularity.group);
    for (const [i, code] of codes.entries()) {
      let bit = this.#firstBit(i, columns);
      for (let plane = 0; plane <= this.#mantissa; plane++, bit += word) {
        // The sign is the highest bit of a code, and its word the first.
        if ((code >>> (this.#mantissa - plane)) & 1) planes[bit >>> 3]! |= 1 << (bit & 7);
      }
    }
    const exponents = Array.from(scales, (scale) => sharedExponent(scale, this.#mantissa));
    const bits = codes.length * (1 + this.#mantissa) + exponents.length * 5;
    return { sections: { planes, exponents: packBits(exponents, 5) }, bits };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const planes = sections.planes!;
    const word = wordBits(this.granularity.group);
    const codes = new Uint32Array(rows * columns).map((_, i) => {
      let code = 0;
      let bit = this.#firstBit(i, columns);
      for (let plane = 0; plane <= this.#mantissa; plane++, bit += word) {
        code = code * 2 + ((planes[bit >>> 3]! >>> (bit & 7)) & 1);
      }
      return code;
    });
    const count = groupCount(this.granularity, codes.length, columns);
    const exponents = unpackBits(sections.exponents!, 5, count);
    const scales = Float32Array.from(exponents, (exponent) => exponentScale(exponent, this.#mantissa));
    return { codes, fit: { scales } };
  }

  /** Where in the planes the sign of the value at `index` lies. */
  #firstBit(index: number, columns: number): number {
    const group = groupOf(this.granularity, index, columns);
    const element = (index % columns) % this.granularity.group;
    return group * this.#groupBytes() * 8 + element;
  }

  #groupBytes(): number {
    return ((1 + this.#mantissa) * wordBits(this.granularity.group)) / 8;
  }
}

function wordBits(group: number): number {
  return Math.ceil(group / WORD) * WORD;
}

/** A group of packed Anda, as its processing unit takes it. */
export function readAndaGroup(packed: Packed, index: number, format: TensorFormat): AndaGroup {
  if (format.name !== 'anda' || typeof format.granularity === 'string') throw new Error('not anda');
  const mantissa = Number(format.settings.mantissa);
  const bytes = wordBits(format.granularity.group) / 8;
  const { planes, exponents } = packed.sections;
  const word = (plane: number) => {
    const start = (index * (1 + mantissa) + plane) * bytes;
    return planes!.slice(start, start + bytes).reduceRight((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  };
  return {
    exponent: unpackBits(exponents!, 5, index + 1)[index]!,
    signs: word(0),
    planes: Array.from({ length: mantissa }, (_, i) => word(i + 1)),
  };
}

export const anda: FormatDefinition = {
  name: 'anda',
  summary:
    'float16 on a 5-bit exponent that a group shares: 1 sign, M mantissa bits cut towards 0, in bit planes',
  source:
    'Anda: Unlocking Efficient LLM Inference with a Variable-Length Grouped Activation Data Format, HPCA 2025',
  table: {
    bits: '1 + M',
    range: '±(2^M - 1) · 2^(E - 14 - M), to ±65504',
    specials: '-0; saturates',
    scale: '2^(E - 14 - M), 5-bit E of the largest in the group',
  },
  settings: {
    mantissa: {
      kind: 'integer',
      min: 1,
      max: 16,
      // The first uniform length that loses less than 1 % on OPT-125M: Anda, Fig. 9.
      default: 7,
      description: 'bits of the mantissa, hidden bit included',
    },
  },
  granularities: ['group'],
  defaultGranularity: { group: 64 },
  create: (settings, granularity) => new Anda(settings, granularity),
};
