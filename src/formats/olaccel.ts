import type { RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, codesOf, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { roundHalfEven } from './ieee.ts';
import { packOutliers, unpackOutliers } from './outlier-list.ts';
import { SCALE, type Settings } from './settings.ts';
import { largestWithout } from './sorted.ts';
import {
  type Codes,
  type Fit,
  type FormatDefinition,
  type Granularity,
  groupCount,
  groupOf,
  type Packed,
  type TensorFormat,
} from './tensor-format.ts';

/*
 * OLAccel's outlier-aware integers (Park et al., ISCA 2018): a dense 4-bit array, and a few 16-bit values beside it.
 *
 * elements    integers -32767 .. 32767 on one grid. The products of outliers are added to the same partial sums as the
 *             others', so both have the same unit (assumed: the paper gives no scales).
 * scale       T / 7, where T is the largest magnitude when the share `outliers` (3 % by default, rounded down) of the
 *             largest ones is set aside; at least max|x| / 32767, so that no outlier saturates
 * outliers    elements beyond ±7: above T, less those that 7 still is nearest to. Decided by value, not by place.
 * rounding    x / scale in float32, to nearest, ties to even
 * zeros       a group of zeros has scale 1
 * tails       the last group of a row may be shorter
 * codes       the element in 16-bit two's complement
 * storage     4-bit two's complement for every value (0 where an outlier stands; -8 is never produced), the list of
 *             outliers with their 16 bits (see outlier-list.ts), a float32 scale a group
 */

const NORMAL = 7;
const LARGEST = 2 ** 15 - 1;

class OlAccel implements TensorFormat {
  readonly granule = 1;
  readonly codeBits = 16;
  readonly name = 'olaccel';
  readonly largestInteger = LARGEST;
  readonly sparseOutliers = true;
  readonly settings: Settings;
  readonly granularity: Granularity;

  constructor(settings: Settings, granularity: Granularity) {
    this.settings = settings;
    this.granularity = granularity;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const unit = this.granularity === 'tensor' ? x.length : columns;
    const scales = new Float32Array(groupCount(this.granularity, x.length, columns));
    for (let i = 0; i < scales.length; i++) {
      const mark = kernels.mark();
      scales[i] = this.#scale(kernels, kernels.load(x.subarray(i * unit, (i + 1) * unit)));
      kernels.release(mark);
    }
    return { scales };
  }

  /** Of values that may be sorted. */
  #scale(kernels: Kernels, sorted: Float32Array): number {
    const { scale, outliers } = this.settings;
    if (typeof scale === 'number') return Math.fround(scale);
    kernels.formats.sort(sorted);
    const threshold = largestWithout(sorted, Math.floor((outliers as number) * sorted.length));
    const max = Math.max(-sorted[0]!, sorted.at(-1)!);
    return Math.max(Math.fround(threshold / NORMAL), Math.fround(max / LARGEST)) || (max > 0 ? 2 ** -149 : 1);
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    const group = this.granularity === 'tensor' ? x.length : columns;
    kernels.formats.roundIntegers(x, scales, { columns: group, group }, { low: -LARGEST, high: LARGEST, to });
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) => {
      const integer = roundHalfEven(Math.fround(value / scales[groupOf(this.granularity, i, columns)]!));
      return Math.min(Math.max(integer, -LARGEST), LARGEST) & 0xffff;
    });
  }

  decode(codes: Codes): Float32Array {
    return elementsOf(codes, integerOf);
  }

  pack(codes: Codes, _columns: number, { scales }: Fit): Packed {
    const outliers = outliersOf(codes);
    const dense = Uint32Array.from(codes, (code) => (isOutlier(code) ? 0 : code & 15));
    const list = packOutliers(outliers, codes.length, 16);
    return {
      sections: { codes: packBits(dense, 4), scales: floatBytes(scales), ...list.sections },
      bits: codes.length * 4 + scales.length * 32 + list.bits,
    };
  }

  unpack(packed: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const dense = unpackBits(packed.sections.codes!, 4, rows * columns);
    const codes = dense.map((code) => (code < 8 ? code : code - 16) & 0xffff);
    for (const { index, code } of unpackOutliers(packed, codes.length, 16)) codes[index] = code;
    return { codes, fit: { scales: bytesToFloats(packed.sections.scales!) } };
  }

  describe(codes: Codes): Record<string, unknown> {
    return { outliers: outliersOf(codes).length / codes.length };
  }
}

/** 16-bit two's complement. */
function integerOf(code: number): number {
  return code < 2 ** 15 ? code : code - 2 ** 16;
}

/** Outside 4-bit two's complement: a damaged -8 stays what it is. */
function isOutlier(code: number): boolean {
  const integer = integerOf(code);
  return integer > NORMAL || integer < -NORMAL - 1;
}

function outliersOf(codes: Codes) {
  return Array.from(codes, (code, index) => ({ index, code })).filter(({ code }) => isOutlier(code));
}

export const olaccel: FormatDefinition = {
  name: 'olaccel',
  summary: '4-bit integers, and the few that need more as 16-bit ones in a list',
  source: 'after Park et al., OLAccel, ISCA 2018',
  table: {
    bits: '4, and 16 + coordinate for an outlier',
    range: '±7, outliers ±32767',
    specials: 'none',
    scale: 'float32, largest of the lower 97 % / 7',
  },
  settings: {
    outliers: {
      kind: 'number',
      min: 0,
      max: 0.5,
      default: 0.03,
      description: 'share of the largest magnitudes that the 4-bit range leaves out',
    },
    scale: SCALE,
  },
  granularities: ['tensor', 'row'],
  defaultGranularity: 'tensor',
  create: (settings, granularity) => new OlAccel(settings, granularity),
};
