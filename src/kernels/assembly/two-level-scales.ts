import { absMax } from './reduce';
import { constant, loadPart, storePart } from './vector';

const ONE = memory.data<f32>([1]);
const INFINITY = memory.data<f32>([Infinity]);

/** The integer scales of four vectors times the coarse one. */
@inline
function rounded(fine: v128, coarse: v128, largestScale: v128): v128 {
  return f32x4.mul(f32x4.pmin(f32x4.nearest(f32x4.div(fine, coarse)), largestScale), coarse);
}

/** What the values of four vectors are divided by. Nothing is left of a vector whose scale is 0. */
@inline
function divisors(fine: v128, scale: v128, byFine: bool): v128 {
  const zero = f32x4.splat(0);
  if (byFine) return v128.bitselect(constant(ONE), fine, f32x4.eq(fine, zero));
  return v128.bitselect(constant(INFINITY), scale, f32x4.eq(scale, zero));
}

/**
 * Scales of vectors as integers of one coarse scale a row (VS-Quant). steps [rows, vectors] comes with the largest
 * magnitudes and leaves with what values are divided by: fine = largest magnitude / `largest` where `byFine`, else the
 * scale; scales = min(round-half-even(fine / coarse), largestScale) · coarse; coarse [rows] = largest fine /
 * largestScale, or what is there where `given`.
 */
export function twoLevelScales(
  scales: usize, steps: usize, coarse: usize, rows: usize, vectors: usize, largest: f32, largestScale: f32,
  byFine: bool, given: bool,
): void {
  const element = f32x4.splat(largest), limit = f32x4.splat(largestScale);
  for (let r: usize = 0; r < rows; r++, coarse += 4) {
    if (!given) {
      const step = absMax(steps, vectors) / largest / largestScale;
      store<f32>(coarse, step > 0 ? step : 1);
    }
    const unit = v128.load32_splat(coarse);
    for (const end = steps + ((vectors & ~3) << 2); steps < end; steps += 16, scales += 16) {
      const fine = f32x4.div(v128.load(steps), element);
      const scale = rounded(fine, unit, limit);
      v128.store(scales, scale);
      v128.store(steps, divisors(fine, scale, byFine));
    }
    const rest = vectors & 3;
    if (rest) {
      const fine = f32x4.div(loadPart(steps, rest), element);
      const scale = rounded(fine, unit, limit);
      storePart(scales, scale, rest);
      storePart(steps, divisors(fine, scale, byFine), rest);
      scales += rest << 2;
      steps += rest << 2;
    }
  }
}
