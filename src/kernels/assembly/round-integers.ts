import { loadPart, storePart } from './vector';

@inline
function rounded(v: v128, scale: v128, low: v128, high: v128, values: bool): v128 {
  const number = f32x4.nearest(f32x4.div(v, scale));
  // NaN to 0; adding +0 makes -0, which no integer has, +0.
  const finite = f32x4.add(v128.and(number, f32x4.eq(number, number)), f32x4.splat(0));
  const element = f32x4.pmin(f32x4.pmax(finite, low), high);
  return values ? f32x4.mul(element, scale) : element;
}

@inline
function roundAll(
  x: usize, scales: usize, zeros: usize, rows: usize, columns: usize, group: usize, low: f32, high: f32, values: bool,
): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, scales += 4) {
      const scale = v128.load32_splat(scales);
      let zero: f32 = 0;
      if (zeros) {
        zero = load<f32>(zeros);
        zeros += 4;
      }
      const from = f32x4.splat(low - zero), to = f32x4.splat(high - zero);
      const length = min(group, columns - c);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        v128.store(x, rounded(v128.load(x), scale, from, to, values));
      }
      if (length & 3) {
        storePart(x, rounded(loadPart(x, length & 3), scale, from, to, values), length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}

/** clamp(round-half-even(x / scale), low - zero, high - zero), times the scale where `values`; `zeros` 0 for none. */
export function roundIntegers(
  x: usize, scales: usize, zeros: usize, rows: usize, columns: usize, group: usize, low: f32, high: f32, values: bool,
): void {
  if (values) roundAll(x, scales, zeros, rows, columns, group, low, high, true);
  else roundAll(x, scales, zeros, rows, columns, group, low, high, false);
}
