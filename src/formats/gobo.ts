import type { Grid, RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { bytesToFloats, elementsOf, floatBytes, packBits, unpackBits } from './bits.ts';
import { clusterSorted, gridOf } from './centroids.ts';
import { packOutliers, unpackOutliers } from './outlier-list.ts';
import type { Settings } from './settings.ts';
import { countBelow } from './sorted.ts';
import type { Codes, Fit, FormatDefinition, Packed, TensorFormat } from './tensor-format.ts';

/*
 * After GOBO (Zadeh et al., MICRO 2020), for weights: a dictionary of 2^b values for the whole tensor, and outliers in
 * float32. The details are as recalled from the paper.
 *
 * outliers    a normal distribution is fitted (mean, standard deviation with divisor n, in float64); a value is an outlier
 *             where the log of its density is below -4: |x - mean| > s · sqrt(2 · (4 - ln(s · sqrt(2π)))), both limits
 *             rounded to float32. The density depends on the unit of x: from s = 21.8 on every value is one. A tensor of
 *             one value has none.
 * dictionary  see centroids.ts: means of 2^b bins of equal population, then reassigned and recomputed until the L1 error
 *             stops falling; float32
 * rounding    to the nearest centroid by the middle of two neighbours; on it, to the larger. Outliers stay as they are.
 * scale       1, not stored
 * codes       0 .. 2^b - 1: a centroid. Any other: the complement (~) of an outlier's float32 bits; no finite float32 falls
 *             on a centroid's code, as those would be NaN.
 * storage     b bits a value (0 where an outlier stands), 2^b centroids in float32, the list of outliers with their 32 bits
 *             (see outlier-list.ts). The limits are not stored: an unpacked fit takes any value for a normal one.
 */

const LOG_DENSITY = -4;

interface GoboFit extends Fit {
  readonly centroids: Float32Array;
  /** Between neighbouring centroids: from here on the upper one is nearest. */
  readonly thresholds: Float32Array;
  /** Values outside low .. high are outliers. */
  readonly low: number;
  readonly high: number;
}

class Gobo implements TensorFormat<GoboFit> {
  readonly granule = 1;
  readonly name = 'gobo';
  readonly granularity = 'tensor';
  readonly settings: Settings;
  readonly #bits: number;

  constructor(settings: Settings) {
    this.settings = settings;
    this.#bits = settings.bits as number;
  }

  /** Of an index: an outlier's code is wider. */
  get codeBits(): number {
    return this.#bits;
  }

  fit(kernels: Kernels, x: Float32Array, _columns: number, whole?: GoboFit): GoboFit {
    if (whole) return whole;
    const mark = kernels.mark();
    const sorted = kernels.load(x);
    kernels.formats.sort(sorted);
    const { low, high } = limits(kernels, sorted);
    const normal = sorted.subarray(countBelow(sorted, low), countBelow(sorted, high, true));
    const centroids = clusterSorted(kernels, normal, 2 ** this.#bits);
    kernels.release(mark);
    return { ...fitOf(centroids, low, high), scales: new Float32Array(x.length > 0 ? [1] : []) };
  }

  round(kernels: Kernels, x: Float32Array, _columns: number, fit: GoboFit, _to: RoundTo): void {
    const { centroids, thresholds, low, high } = fit;
    kernels.formats.roundInsideToGrid(x, { entries: centroids, thresholds }, low, high);
  }

  encode(x: Float32Array, _columns: number, { thresholds, low, high }: GoboFit): Codes {
    const bits = new Uint32Array(Float32Array.from(x).buffer);
    return bits.map((word, i) => {
      const value = x[i]!;
      if (value < low || value > high) return ~word;
      return thresholds.filter((threshold) => value >= threshold).length;
    });
  }

  decode(codes: Codes, _columns: number, { centroids }: GoboFit): Float32Array {
    const outliers = new Float32Array(codes.map((code) => ~code).buffer);
    return elementsOf(codes, (code, i) => (code < centroids.length ? centroids[code]! : outliers[i]!));
  }

  pack(codes: Codes, _columns: number, { centroids }: GoboFit): Packed {
    const dense = codes.map((code) => (code < centroids.length ? code : 0));
    const list = packOutliers(this.#outliers(codes), codes.length, 32);
    return {
      sections: { codes: packBits(dense, this.#bits), centroids: floatBytes(centroids), ...list.sections },
      bits: codes.length * this.#bits + centroids.length * 32 + list.bits,
    };
  }

  unpack(packed: Packed, rows: number, columns: number): { codes: Codes; fit: GoboFit } {
    const codes = unpackBits(packed.sections.codes!, this.#bits, rows * columns);
    for (const { index, code } of unpackOutliers(packed, codes.length, 32)) codes[index] = ~code;
    const centroids = bytesToFloats(packed.sections.centroids!);
    return { codes, fit: fitOf(centroids, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY) };
  }

  describe(codes: Codes, _columns: number, { centroids }: GoboFit): Record<string, unknown> {
    return { outliers: this.#outliers(codes).length / codes.length, centroids: [...centroids] };
  }

  /** The list holds float32 bits themselves. */
  #outliers(codes: Codes) {
    return Array.from(codes, (code, index) => ({ index, code: ~code >>> 0 })).filter(
      ({ index }) => codes[index]! >= 2 ** this.#bits,
    );
  }
}

function fitOf(centroids: Float32Array, low: number, high: number): GoboFit {
  const grid: Grid = gridOf(centroids);
  return { scales: new Float32Array([1]), centroids, thresholds: grid.thresholds, low, high };
}

/** Where the log of the fitted density falls to LOG_DENSITY. */
function limits(kernels: Kernels, x: Float32Array): { low: number; high: number } {
  const everything = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  if (x.length === 0) return everything;
  const mark = kernels.mark();
  const mean = kernels.formats.prefixSums(x).at(-1)! / x.length;
  kernels.release(mark);
  const deviation = Math.sqrt(kernels.formats.squaredDeviations(x, mean) / x.length);
  if (x[0] === x.at(-1)) return everything;
  const halfSquare = -LOG_DENSITY - Math.log(deviation * Math.sqrt(2 * Math.PI));
  // No value is as likely: an empty interval.
  if (halfSquare < 0) return { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  const reach = deviation * Math.sqrt(2 * halfSquare);
  return { low: Math.fround(mean - reach), high: Math.fround(mean + reach) };
}

export const gobo: FormatDefinition = {
  weightsOnly: true,
  name: 'gobo',
  summary: 'index into 2^b float32 centroids of the tensor; outliers in float32. For weights',
  source: 'after Zadeh et al., GOBO, MICRO 2020',
  table: {
    bits: '3 or 4, and 32 + coordinate for an outlier',
    range: 'that of the data',
    specials: 'none',
    scale: 'none; 2^b float32 centroids',
  },
  settings: {
    bits: { kind: 'integer', min: 3, max: 4, default: 3, description: 'width of an index' },
  },
  granularities: ['tensor'],
  defaultGranularity: 'tensor',
  create: (settings) => new Gobo(settings),
};
