import { exp } from './exponential';
import { loadPart, loadPartOr, maxLanes, partMask, storePart, sumLanes } from './vector';

/** x · scale + slope · c for the four columns from c on. */
@inline
function logits(v: v128, scale: v128, slope: v128, column: v128): v128 {
  return f32x4.add(f32x4.mul(v, scale), f32x4.mul(slope, column));
}

/**
 * Softmax of the `length` scores at `x`, which stand in the columns from `start` on. Reads and sums from the first
 * visible column in vectors of four: the result does not depend on how many masked columns lie around.
 */
function softmaxRow(x: usize, length: usize, start: usize, scale: v128, slope: v128): void {
  const whole = x + ((length & ~3) << 2);
  const rest = length & 3;
  const four = f32x4.splat(4);
  const first = f32x4.add(f32x4.splat(<f32>start), f32x4(0, 1, 2, 3));
  const lowest = f32x4.splat(f32.NEGATIVE_INFINITY);

  let column = first;
  let largest = lowest;
  for (let p = x; p < whole; p += 16) {
    const v = logits(v128.load(p), scale, slope, column);
    v128.store(p, v);
    largest = f32x4.pmax(largest, v);
    column = f32x4.add(column, four);
  }
  if (rest) {
    const v = logits(loadPart(whole, rest), scale, slope, column);
    storePart(whole, v, rest);
    largest = f32x4.pmax(largest, v128.bitselect(v, lowest, partMask(rest)));
  }

  const shift = f32x4.splat(maxLanes(largest));
  let sum = f32x4.splat(0);
  for (let p = x; p < whole; p += 16) {
    const e = exp(f32x4.sub(v128.load(p), shift));
    v128.store(p, e);
    sum = f32x4.add(sum, e);
  }
  if (rest) {
    const e = exp(f32x4.sub(loadPartOr(whole, rest, lowest), shift));
    storePart(whole, e, rest);
    sum = f32x4.add(sum, v128.and(e, partMask(rest)));
  }

  const factor = f32x4.splat(<f32>1 / sumLanes(sum));
  for (let p = x; p < whole; p += 16) v128.store(p, f32x4.mul(v128.load(p), factor));
  if (rest) storePart(whole, f32x4.mul(loadPart(whole, rest), factor), rest);
}

/** Row r sees the columns max(0, p - window + 1) .. min(p, columns - 1), p = first + r mod period; the others become 0. */
export function softmax(
  x: usize, rows: usize, columns: usize, scale: f32, slope: f32, first: usize, period: usize, window: usize,
): void {
  const scales = f32x4.splat(scale);
  const slopes = f32x4.splat(slope);
  let phase: usize = 0;
  for (let r: usize = 0; r < rows; r++, x += columns << 2) {
    const position = first + phase;
    const end = min(position + 1, columns);
    const start = min(position + 1 > window ? position + 1 - window : 0, end);
    memory.fill(x, 0, start << 2);
    softmaxRow(x + (start << 2), end - start, start, scales, slopes);
    memory.fill(x + (end << 2), 0, (columns - end) << 2);
    if (++phase == period) phase = 0;
  }
}
