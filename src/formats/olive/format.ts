import type { RoundTo } from '../../kernels/format-kernels.ts';
import type { Kernels } from '../../kernels/index.ts';
import { bytesToFloats, floatBytes, packBits, unpackBits } from '../bits.ts';
import type { Settings } from '../settings.ts';
import {
  type Codes,
  type Fit,
  type Granularity,
  groupCount,
  groupOf,
  type Packed,
  type TensorFormat,
} from '../tensor-format.ts';
import { type OliveCoding, oliveCoding, type PairType, type Variant } from './coding.ts';
import { decodePair } from './decoder.ts';
import { elementOf } from './exponent-integer.ts';
import { identifierOf } from './normal.ts';
import { encodePair, isOutlier } from './pairs.ts';
import {
  fixedScaleError,
  MSE_FACTORS,
  type ScaleChoice,
  searchScales,
  THREE_SIGMA_FACTORS,
} from './search.ts';

/*
 * Outlier-victim pairs (OliVe, ISCA 2023): values 2i and 2i + 1 of a row are a pair; pairs do not cross rows.
 *
 * normal-normal    both keep their codes (normal.ts)
 * outlier-normal   the outlier has an abfloat code (abfloat.ts), the normal value, its victim, the identifier: 0
 * outlier-outlier  the larger magnitude stays, the left one of equals; the other is the victim
 * quotient         x / scale in float32; which ones are outliers, ties and the variants: coding.ts, normal.ts, abfloat.ts
 * elements         integers, integer · 2^exponent as the decoder hands them to the PEs (decoder.ts); 0 is +0
 * saturation       at the largest outlier; NaN becomes 0
 * tails            the last value of an odd row has no partner: a normal value, saturating
 * scale            float32 a row or a tensor, by search (search.ts), at 3 sigma, or given; zeros have scale 1
 * storage          value 2i in the low half of the pair, 2i + 1 in the high half (which, is not published: assumed); a row
 *                  of odd length ends in a half of zeros; then a float32 scale a row or one
 *
 * Not here: the public code's unsigned activations (4 bits of magnitude, E2M2 outliers). It pairs values of the tensor laid
 * flat, which is the same for rows of even length.
 */
export class OlivePairs implements TensorFormat {
  readonly granule = 2;
  readonly name: string;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number;
  readonly sparseOutliers = true;
  readonly coding: OliveCoding;

  constructor(name: string, type: PairType, settings: Settings, granularity: Granularity) {
    this.name = name;
    this.settings = settings;
    this.granularity = granularity;
    this.coding = oliveCoding(type, settings.variant as Variant);
    this.largestInteger = this.coding.highest;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const { scale } = this.settings;
    if (typeof scale === 'number') return { scales: this.#fixed(x, columns, scale) };
    return { scales: this.#search(kernels, x, columns).scales };
  }

  /** The fit with its squared error, for a choice between types. */
  choose(kernels: Kernels, x: Float32Array, columns: number): ScaleChoice {
    const { scale } = this.settings;
    if (typeof scale !== 'number') return this.#search(kernels, x, columns);
    const error = fixedScaleError(kernels, x, columns, scale, this.coding);
    return { scales: this.#fixed(x, columns, scale), error };
  }

  #fixed(x: Float32Array, columns: number, scale: number): Float32Array {
    return new Float32Array(groupCount(this.granularity, x.length, columns)).fill(scale);
  }

  #search(kernels: Kernels, x: Float32Array, columns: number): ScaleChoice {
    const factors = this.settings.search === 'three-sigma' ? THREE_SIGMA_FACTORS : MSE_FACTORS;
    const groups = groupCount(this.granularity, x.length, columns);
    return searchScales(kernels, x, columns, groups, this.coding, factors);
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    kernels.formats.pairs.roundPairs(x, scales, columns, this.coding, to);
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    const codes = new Uint32Array(x.length);
    for (const [i, paired] of pairStarts(x.length, columns)) {
      const scale = scales[groupOf(this.granularity, i, columns)]!;
      const right = paired ? Math.fround(x[i + 1]! / scale) : undefined;
      const pair = encodePair(this.coding, Math.fround(x[i]! / scale), right);
      codes[i] = pair[0];
      if (pair[1] !== undefined) codes[i + 1] = pair[1];
    }
    return codes;
  }

  decode(codes: Codes, columns: number): Float32Array {
    const elements = new Float32Array(codes.length);
    for (const [i, paired] of pairStarts(codes.length, columns)) {
      const [left, right] = decodePair(this.coding, codes[i]!, paired ? codes[i + 1]! : 0);
      elements[i] = elementOf(left);
      if (paired) elements[i + 1] = elementOf(right);
    }
    return elements;
  }

  pack(codes: Codes, columns: number, { scales }: Fit): Packed {
    const { bits } = this.coding.type;
    const stored = wholePairs(columns);
    const rows = columns === 0 ? 0 : codes.length / columns;
    const halves = new Uint32Array(rows * stored);
    for (let r = 0; r < rows; r++) halves.set(codes.subarray(r * columns, (r + 1) * columns), r * stored);
    return {
      sections: { codes: packBits(halves, bits), scales: floatBytes(scales) },
      bits: codes.length * bits + scales.length * 32,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const stored = wholePairs(columns);
    const halves = unpackBits(sections.codes!, this.coding.type.bits, rows * stored);
    const codes = new Uint32Array(rows * columns);
    for (let r = 0; r < rows; r++) codes.set(halves.subarray(r * stored, r * stored + columns), r * columns);
    return { codes, fit: { scales: bytesToFloats(sections.scales!) } };
  }

  describe(codes: Codes, columns: number, { scales }: Fit, x?: Float32Array): Record<string, unknown> {
    return { pairs: this.#pairKinds(codes, columns, scales, x) };
  }

  /** Shares of pair kinds. Codes do not tell whether a victim was an outlier: without the values there are two kinds. */
  #pairKinds(codes: Codes, columns: number, scales: Float32Array, x?: Float32Array): Record<string, number> {
    const identifier = identifierOf(this.coding.type);
    let [pairs, withVictim, twoOutliers] = [0, 0, 0];
    for (const [i, paired] of pairStarts(codes.length, columns)) {
      if (!paired) continue;
      pairs++;
      if (codes[i] !== identifier && codes[i + 1] !== identifier) continue;
      withVictim++;
      const scale = scales[groupOf(this.granularity, i, columns)]!;
      const outlier = (value: number) => isOutlier(this.coding, Math.fround(value / scale));
      if (x && outlier(x[i]!) && outlier(x[i + 1]!)) twoOutliers++;
    }
    const share = (count: number) => (pairs === 0 ? 0 : count / pairs);
    const normal = { 'normal-normal': share(pairs - withVictim) };
    if (!x) return { ...normal, 'outlier-victim': share(withVictim) };
    return {
      ...normal,
      'outlier-normal': share(withVictim - twoOutliers),
      'outlier-outlier': share(twoOutliers),
    };
  }
}

const wholePairs = (columns: number): number => columns + (columns % 2);

/** Index of each pair's first value, and whether it has a partner. */
function* pairStarts(length: number, columns: number): Generator<[index: number, paired: boolean]> {
  for (let row = 0; row < length; row += columns)
    for (let c = 0; c < columns; c += 2) yield [row + c, c + 1 < columns];
}
