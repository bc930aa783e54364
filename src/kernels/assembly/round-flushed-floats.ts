import { loadPart, storePart } from './vector';

// Floats without subnormals: a mantissa of some bits, everything below a bound is 0.

@inline
function rounded(
  v: v128, scale: v128, shift: i32, odd: v128, flush: v128, smallest: v128, largest: v128, values: bool,
): v128 {
  const number = f32x4.div(v, scale);
  // NaN becomes 0: it is not above the bound.
  const kept = f32x4.ge(f32x4.abs(number), flush);
  const magnitude = f32x4.pmin(f32x4.abs(number), largest);
  // Half of the dropped part less one, plus the lowest kept bit: a carry where rounding goes up, ties to even.
  const even = v128.or(v128.and(i32x4.shr_u(magnitude, shift), i32x4.splat(1)), odd);
  const bits = i32x4.add(i32x4.add(magnitude, i32x4.splat((1 << (shift - 1)) - 1)), even);
  const near = v128.and(bits, i32x4.splat(-1 << shift));
  const bounded = v128.and(f32x4.pmax(near, smallest), kept);
  const sign = v128.and(v128.and(number, i32x4.splat(0x80000000)), kept);
  const element = v128.or(bounded, sign);
  return values ? f32x4.mul(element, scale) : element;
}

/**
 * x / scale with `mantissa` stored bits (0..22), ties to even; 0 where it is below `flush` in magnitude (flush > 0), not
 * below `smallest` elsewhere, not above `largest`. With no stored bit the significand is 1, which is odd: ties go up.
 */
export function roundFlushedFloats(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, mantissa: i32, flush: f32, smallest: f32,
  largest: f32, values: bool,
): void {
  const shift = 23 - mantissa;
  const odd = i32x4.splat(mantissa == 0 ? 1 : 0);
  const bound = f32x4.splat(flush), least = f32x4.splat(smallest), most = f32x4.splat(largest);
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, scales += 4) {
      const scale = v128.load32_splat(scales);
      const length = min(group, columns - c);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        v128.store(x, rounded(v128.load(x), scale, shift, odd, bound, least, most, values));
      }
      if (length & 3) {
        storePart(x, rounded(loadPart(x, length & 3), scale, shift, odd, bound, least, most, values), length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}
