import type { GroupLayout, RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import type { SettingSpecs, Settings } from './settings.ts';

/** What shares a scale: all values, a row of the matrix (an output channel, a token), or `group` values along a row. */
export type Granularity = 'tensor' | 'row' | { readonly group: number };

/**
 * What a format takes from the data before it codes them: plain data, sent to worker threads as it is. Beside the
 * scales a format keeps what else it chose here (types, zero points, centroids). Nothing in it depends on where a value
 * stands, beyond its group's scale.
 */
export interface Fit {
  /** [rows, groups of a row]; of length 1 for a scale of the whole tensor. A carried value is element · scale. */
  readonly scales: Float32Array;
}

/** One code a value, [rows, columns]; how wide a code is, is the format's affair. */
export type Codes = Uint32Array;

/** A tensor in its real bits. */
export interface Packed {
  /** Byte strings by name: codes, scales, and what else the format stores. */
  sections: Record<string, Uint8Array>;
  /** Bits that carry information: without the padding to whole bytes. */
  bits: number;
}

/**
 * How a matrix [rows, columns] is written in bits, its settings chosen: what its values share, how each is coded, how
 * the bits lie. Groups run along a row.
 *
 * Four views of one thing, equal bit for bit: `round` (fast, in the kernels), `encode` and `decode` (the oracle: slow,
 * obvious, sharing nothing with `round`), `pack` and `unpack` (the bits in memory).
 */
export interface TensorFormat<F extends Fit = Fit> {
  readonly name: string;
  readonly settings: Settings;
  readonly granularity: Granularity;
  /** Adjacent values of a row that are coded together, from an even multiple on: 2 for outlier-victim pairs, else 1. */
  readonly granule: 1 | 2;
  /**
   * What a fit takes from all of a matrix, for a scale of the tensor or a scale of scales: its smallest and largest value,
   * whose fit then stands for that of the whole; or more. Where undefined: all for granularity `tensor`, else nothing.
   */
  readonly takesFromWhole?: 'nothing' | 'extremes' | 'all' | undefined;
  /** Bits of a code, for showing it; the table's bits where absent. */
  readonly codeBits?: number | undefined;
  /** Where elements are integers: their largest magnitude. */
  readonly largestInteger?: number | undefined;
  /** Elements beyond ±127 are few: outliers, which hardware keeps apart. */
  readonly sparseOutliers?: boolean | undefined;
  /**
   * Scales and whatever else the data decide. `x` [rows, columns] lies in the kernel memory, is finite and stays as it
   * is. `whole`: the fit of a larger matrix of which x is some columns, for formats with a scale of scales.
   */
  fit(kernels: Kernels, x: Float32Array, columns: number, whole?: F): F;
  /** Fast path, in place: each value becomes its element, or the value that it carries (element · scale). */
  round(kernels: Kernels, x: Float32Array, columns: number, fit: F, to: RoundTo): void;
  /** Oracle: the codes of a matrix in any buffer. */
  encode(x: Float32Array, columns: number, fit: F): Codes;
  /** Oracle: the elements of codes. */
  decode(codes: Codes, columns: number, fit: F): Float32Array;
  pack(codes: Codes, columns: number, fit: F): Packed;
  unpack(packed: Packed, rows: number, columns: number): { codes: Codes; fit: F };
  /** What a report says of a fit: chosen types, shares of pair kinds; scales excluded. `x`: what was coded, if at hand. */
  describe?(codes: Codes, columns: number, fit: F, x?: Float32Array): Record<string, unknown>;
}

/** A number format as the registry has it. */
export interface FormatDefinition {
  readonly name: string;
  /** One line: fields, range, specials. */
  readonly summary: string;
  /** Where the definition stands. */
  readonly source: string;
  /** For the table of formats: bits a value without scales, range of elements, specials, what the scale is. */
  readonly table: { bits: string; range: string; specials: string; scale: string };
  readonly settings: SettingSpecs;
  /** What may share a scale; empty where values take none. */
  readonly granularities: readonly ('tensor' | 'row' | 'group')[];
  readonly defaultGranularity: Granularity;
  /** The format takes long to fit, or keeps what only weights have: it is none for activations. */
  readonly weightsOnly?: boolean | undefined;
  create(settings: Settings, granularity: Granularity): TensorFormat;
}

/** Groups as the kernels take them: a whole tensor is one row of one group. */
export function layoutOf(granularity: Granularity, length: number, columns: number): GroupLayout {
  if (granularity === 'tensor') return { columns: length, group: length };
  if (granularity === 'row') return { columns, group: columns };
  return { columns, group: granularity.group };
}

/** Number of groups of a matrix: the length of its scales. */
export function groupCount(granularity: Granularity, length: number, columns: number): number {
  if (length === 0) return 0;
  const layout = layoutOf(granularity, length, columns);
  return (length / layout.columns) * Math.ceil(layout.columns / layout.group);
}

/** Index into the scales of the value at `index`, for oracles. */
export function groupOf(granularity: Granularity, index: number, columns: number): number {
  if (granularity === 'tensor') return 0;
  const row = Math.floor(index / columns);
  if (granularity === 'row') return row;
  const groups = Math.ceil(columns / granularity.group);
  return row * groups + Math.floor((index % columns) / granularity.group);
}
