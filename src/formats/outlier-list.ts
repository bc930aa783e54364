import { packBits, unpackBits } from './bits.ts';
import type { Packed } from './tensor-format.ts';

/*
 * Values that a format keeps beside its dense codes: their number (32 bits), where each stands (the index in the
 * matrix, row after row, in the ceil(log2 n) bits that n values need) and what it is (`width` bits). Published designs
 * store a coordinate within a block; the width of a whole index is assumed.
 */

export interface Outlier {
  index: number;
  code: number;
}

export function packOutliers(outliers: readonly Outlier[], values: number, width: number): Packed {
  const coordinate = coordinateBits(values);
  return {
    sections: {
      outlierCount: packBits([outliers.length], 32),
      outlierIndices: packBits(
        outliers.map(({ index }) => index),
        coordinate,
      ),
      outliers: packBits(
        outliers.map(({ code }) => code),
        width,
      ),
    },
    bits: 32 + outliers.length * (coordinate + width),
  };
}

export function unpackOutliers({ sections }: Packed, values: number, width: number): Outlier[] {
  const count = unpackBits(sections.outlierCount!, 32, 1)[0]!;
  const indices = unpackBits(sections.outlierIndices!, coordinateBits(values), count);
  const codes = unpackBits(sections.outliers!, width, count);
  return Array.from(indices, (index, i) => ({ index, code: codes[i]! }));
}

/** Bits of an index below `values`. */
function coordinateBits(values: number): number {
  return Math.max(1, Math.ceil(Math.log2(values)));
}
