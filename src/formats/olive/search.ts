import type { Kernels } from '../../kernels/index.ts';
import type { PairCoding } from '../../kernels/pair-kernels.ts';

/*
 * The scale search of the public code (its defaults: bounds 75 and 250 percent, steps of 2): alpha = base · i / 100, base =
 * max(|μ + 3σ|, |μ - 3σ|), scale = alpha / largest normal value, all in float32; the scale of the smallest squared error,
 * victims included, the first of equals. A row of the matrix or the whole tensor has one scale.
 */
export const MSE_FACTORS = Float32Array.from({ length: 88 }, (_, i) => (75 + 2 * i) / 100);
/** The base itself, as the paper has it before the search. */
export const THREE_SIGMA_FACTORS = Float32Array.of(1);

/** Groups whose candidates are tried in one call: bounds the memory that they take. */
const BLOCK = 1024;

/** Scale of a factor; 1 where it would be 0, as in a group of zeros. */
export function candidateScale(base: number, factor: number, largest: number): number {
  return Math.fround(Math.fround(base * factor) / largest) || 1;
}

/** What a search found: a scale a group, and the squared errors of all groups, added in order. */
export interface ScaleChoice {
  scales: Float32Array;
  error: number;
}

/** The search: x [rows, columns] in the kernel memory, in `groups` groups, one or one a row. */
export function searchScales(
  kernels: Kernels,
  x: Float32Array,
  columns: number,
  groups: number,
  coding: PairCoding,
  factors: Float32Array,
): ScaleChoice {
  const scales = new Float32Array(groups);
  if (groups === 0) return { scales, error: 0 };
  const mark = kernels.mark();
  const bases = kernels.floats(groups);
  const size = x.length / groups;
  kernels.formats.groupThreeSigma(bases, x, { columns: size, group: size });
  let error = 0;
  for (let first = 0; first < groups; first += BLOCK) {
    const block = bases.subarray(first, first + BLOCK);
    const candidates = new Float32Array(block.length * factors.length);
    for (const [g, base] of block.entries())
      for (const [i, factor] of factors.entries())
        candidates[g * factors.length + i] = candidateScale(base, factor, coding.largest);
    const errors = new Float64Array(candidates.length);
    const values = x.subarray(first * size, (first + block.length) * size);
    kernels.formats.pairs.pairErrors(errors, values, candidates, block.length, columns, coding);
    for (const [g, base] of block.entries()) {
      const from = g * factors.length;
      const best = firstSmallest(errors.subarray(from, from + factors.length));
      scales[first + g] =
        best === undefined ? candidateScale(base, 1, coding.largest) : candidates[from + best]!;
      error += best === undefined ? Number.POSITIVE_INFINITY : errors[from + best]!;
    }
  }
  kernels.release(mark);
  return { scales, error };
}

/** Squared error of all values with one scale for everything. */
export function fixedScaleError(
  kernels: Kernels,
  x: Float32Array,
  columns: number,
  scale: number,
  coding: PairCoding,
): number {
  const error = new Float64Array(1);
  if (x.length > 0) kernels.formats.pairs.pairErrors(error, x, Float32Array.of(scale), 1, columns, coding);
  return error[0]!;
}

/** Index of the smallest error, the first of equals; undefined where none is finite. */
export function firstSmallest(errors: Float64Array): number | undefined {
  let [best, smallest]: [number | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  for (const [i, error] of errors.entries()) if (error < smallest) [best, smallest] = [i, error];
  return best;
}
