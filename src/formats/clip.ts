import type { Kernels } from '../kernels/index.ts';
import type { SettingSpec } from './settings.ts';
import { type Fit, groupCount, layoutOf, type TensorFormat } from './tensor-format.ts';

/*
 * The search for a clipped scale: of some factors of the scale that max|x| gives, for each scale on its own, the one
 * with the least squared error of the values that it covers. Of equals the first in the list wins (strict <).
 *
 * Errors are summed in float64 over float32 differences. A scale that covers more than one block of rows (a tensor's)
 * sums block by block, so that a block and its rounded copy stay in the cache whatever the size of the matrix.
 */

/** The setting of formats with a scale from max|x|. */
export const CLIP = {
  kind: 'choice',
  values: ['max', 'mse'],
  default: 'max',
  description: 'scale from max|x|, or the fraction of it that errs least',
} as const satisfies SettingSpec;

/** 1.00, 0.99, ... 0.01: every clip in hundredths (the step of ANT and OliVe), the widest first. */
export const CLIP_FACTORS: readonly number[] = hundredths(100, 1);

/**
 * Above 8 bits a clip costs more than its finer steps gain, unless an outlier stands alone: only the first hundredths,
 * where the range begins that ANT's public code tries above 6 bits (assumed to be enough).
 */
export const WIDE_CLIP_FACTORS: readonly number[] = hundredths(100, 95);

/** first/100, ..., last/100, both included, in float32. */
export function hundredths(first: number, last: number): number[] {
  const step = first <= last ? 1 : -1;
  return Array.from({ length: Math.abs(last - first) + 1 }, (_, i) => Math.fround((first + i * step) / 100));
}

/** Values that stay in a second-level cache together with a copy. */
const BLOCK = 32_768;

/** The chosen factor of each scale, and the squared error that it leaves. */
export interface ClipChoice {
  factors: Float32Array;
  errors: Float64Array;
}

/**
 * The best factor of each scale of `x` (in the kernel memory, kept as it is).
 *
 * @param candidate the fit of the scales first .. first + count - 1 with one factor for all of them
 */
export function searchClip<F extends Fit>(
  kernels: Kernels,
  format: Pick<TensorFormat<F>, 'granularity' | 'round'>,
  x: Float32Array,
  columns: number,
  factors: readonly number[],
  candidate: (factor: number, first: number, count: number) => F,
): ClipChoice {
  const { granularity } = format;
  const scales = groupCount(granularity, x.length, columns);
  const best: ClipChoice = {
    factors: new Float32Array(scales).fill(factors[0]!),
    errors: new Float64Array(scales).fill(Number.POSITIVE_INFINITY),
  };
  const size = Math.max(1, Math.floor(BLOCK / Math.max(columns, 1))) * columns;
  // Of a whole tensor the errors of all blocks are needed before any choice.
  const sums = factors.map(() => new Float64Array(granularity === 'tensor' ? 1 : 0));
  const mark = kernels.mark();
  const rounded = kernels.floats(Math.min(size, x.length));
  for (let at = 0, first = 0; at < x.length; at += size) {
    const block = x.subarray(at, at + size);
    const copy = rounded.subarray(0, block.length);
    const layout = layoutOf(granularity, block.length, columns);
    const count = groupCount(granularity, block.length, columns);
    const errors = new Float64Array(count);
    for (const [k, factor] of factors.entries()) {
      copy.set(block);
      format.round(kernels, copy, columns, candidate(factor, first, count), 'values');
      kernels.formats.groupSquaredError(errors, block, copy, layout);
      if (granularity === 'tensor') sums[k]![0]! += errors[0]!;
      else keepBetter(best, first, factor, errors);
    }
    if (granularity !== 'tensor') first += count;
  }
  kernels.release(mark);
  if (granularity === 'tensor' && scales > 0)
    for (const [k, factor] of factors.entries()) keepBetter(best, 0, factor, sums[k]!);
  return best;
}

function keepBetter(best: ClipChoice, first: number, factor: number, errors: Float64Array): void {
  for (let i = 0; i < errors.length; i++) {
    if (errors[i]! < best.errors[first + i]!) {
      best.errors[first + i] = errors[i]!;
      best.factors[first + i] = factor;
    }
  }
}

/**
 * Scales of max|x| clipped where that errs less: for formats whose fit is nothing but `scales`. In `fit`:
 * `if (settings.clip === 'mse') return { scales: clipScales(kernels, this, x, columns, scales) }`.
 */
export function clipScales(
  kernels: Kernels,
  format: Pick<TensorFormat, 'granularity' | 'round'>,
  x: Float32Array,
  columns: number,
  scales: Float32Array,
  factors: readonly number[] = CLIP_FACTORS,
): Float32Array {
  const best = searchClip(kernels, format, x, columns, factors, (factor, first, count) => ({
    scales: scales.slice(first, first + count).map((scale) => clipped(scale, factor)),
  }));
  return scales.map((scale, i) => clipped(scale, best.factors[i]!));
}

/** In float32; a scale that would vanish stays whole. */
export function clipped(scale: number, factor: number): number {
  return Math.fround(scale * factor) || scale;
}
