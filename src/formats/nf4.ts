import type { Grid, RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, codesOf, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { nextUp } from './float32-steps.ts';
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
 * NF4, the 4-bit NormalFloat of QLoRA (Dettmers et al., NeurIPS 2023, Appendix E), as bitsandbytes computes it.
 *
 * codes       0 .. 15 are the 16 entries in order, -1 .. 1; code 7 is 0
 * scale       max|x| of the block (64 values along a row by default), float32
 * rounding    x · (1 / scale), both in float32, the scale taken as at least 1e-38; nearest entry by the float32 middles of
 *             neighbours, a value on a middle goes to the lower entry (bitsandbytes' `x > threshold`)
 * zeros       a block of zeros has scale 1; there is no -0
 * tails       the last block of a row may be shorter. Blocks do not run on from row to row as bitsandbytes' do, which is
 *             the same where the block divides the row.
 * storage     codes from the low bit on (bitsandbytes: the first of two in the high nibble), a float32 scale a block.
 *             QLoRA's double quantisation of the scales is not modelled.
 */
const ENTRIES = new Float32Array([
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
]);

const MIDDLES = ENTRIES.subarray(1).map((entry, i) => Math.fround(entry + ENTRIES[i]!) / 2);

/** A tie goes down: the upper entry begins one float above the middle. */
const GRID: Grid = { entries: ENTRIES, thresholds: MIDDLES.map(nextUp) };

const LEAST_SCALE = Math.fround(1e-38);

class NormalFloat implements TensorFormat {
  readonly granule = 1;
  readonly name = 'nf4';
  readonly settings: Settings;
  readonly granularity: Granularity;

  constructor(settings: Settings, granularity: Granularity) {
    this.settings = settings;
    this.granularity = granularity;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const mark = kernels.mark();
    const maxima = kernels.floats(groupCount(this.granularity, x.length, columns));
    kernels.formats.groupAbsMax(maxima, x, layoutOf(this.granularity, x.length, columns));
    const { scale } = this.settings;
    const scales = Float32Array.from(maxima, (max) => (typeof scale === 'number' ? scale : max || 1));
    kernels.release(mark);
    return { scales };
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    const layout = layoutOf(this.granularity, x.length, columns);
    kernels.formats.roundToGrid(x, scales, layout, { grid: GRID, of: 'values', reciprocal: true, to });
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) => {
      const scale = scales[groupOf(this.granularity, i, columns)]!;
      const reciprocal = Math.fround(1 / Math.max(scale, LEAST_SCALE));
      const number = Math.fround(value * reciprocal) || 0;
      return MIDDLES.filter((middle) => number > middle).length;
    });
  }

  decode(codes: Codes): Float32Array {
    return elementsOf(codes, (code) => ENTRIES[code]!);
  }

  pack(codes: Codes, _columns: number, { scales }: Fit): Packed {
    return {
      sections: { codes: packBits(codes, 4), scales: floatBytes(scales) },
      bits: codes.length * 4 + scales.length * 32,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    return {
      codes: unpackBits(sections.codes!, 4, rows * columns),
      fit: { scales: bytesToFloats(sections.scales!) },
    };
  }
}

export const nf4: FormatDefinition = {
  name: 'nf4',
  summary: '16 quantiles of a normal distribution, from -1 to 1 with an exact 0',
  source: 'Dettmers et al., QLoRA, NeurIPS 2023; rounding as in bitsandbytes',
  table: { bits: '4', range: '±1', specials: 'none', scale: 'float32, max|x|' },
  settings: { scale: SCALE },
  granularities: ['tensor', 'row', 'group'],
  defaultGranularity: { group: 64 },
  create: (settings, granularity) => new NormalFloat(settings, granularity),
};
