import { copyTile } from './gemm-float32';

// The products of gemm-groups.ts with the sum of a step in float64: each product of two float32 is exact there, and so
// is a sum of integers up to 2^53. It rounds to float32 once, at the step's end; the rest is the same.

/** Bytes of a step in the list, see gemm-groups.ts. */
const STEP: usize = 12;

@inline
function madd(a: v128, b: v128, c: v128): v128 {
  return f64x2.relaxed_madd(a, b, c);
}

/** Two float32 as float64. */
@inline
function load2(p: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(p));
}

@inline
function splat(p: usize): v128 {
  return f64x2.splat(<f64>load<f32>(p));
}

/** Four float64 to float32, times the scale, added to `sums`. */
@inline
function addScaled(sums: usize, low: v128, high: v128, scale: v128): void {
  const products = i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
  v128.store(sums, f32x4.add(v128.load(sums), f32x4.mul(products, scale)));
}

/** A tile of `rows` (1..3, constant) x 8: arguments as in gemm-groups.ts, all steps at once. */
@inline
function tile(
  rows: i32, sums: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, scales: usize, list: usize,
  end: usize,
): void {
  const zero = f64x2.splat(0);
  // Rows that are not there read row 0: nothing lies behind the last.
  let p0 = a, p1 = rows > 1 ? a + stride : a, p2 = rows > 2 ? a + 2 * stride : a;
  for (; list < end; list += STEP) {
    let c00 = zero, c01 = zero, c02 = zero, c03 = zero;
    let c10 = zero, c11 = zero, c12 = zero, c13 = zero;
    let c20 = zero, c21 = zero, c22 = zero, c23 = zero;
    const k = <usize>load<u32>(list);
    for (const stop = b + (k << 5); b < stop; b += 32) {
      const s0 = splat(p0), s1 = splat(p1), s2 = splat(p2);
      let v = load2(b);
      c00 = madd(s0, v, c00);
      if (rows > 1) c10 = madd(s1, v, c10);
      if (rows > 2) c20 = madd(s2, v, c20);
      v = load2(b + 8);
      c01 = madd(s0, v, c01);
      if (rows > 1) c11 = madd(s1, v, c11);
      if (rows > 2) c21 = madd(s2, v, c21);
      v = load2(b + 16);
      c02 = madd(s0, v, c02);
      if (rows > 1) c12 = madd(s1, v, c12);
      if (rows > 2) c22 = madd(s2, v, c22);
      v = load2(b + 24);
      c03 = madd(s0, v, c03);
      if (rows > 1) c13 = madd(s1, v, c13);
      if (rows > 2) c23 = madd(s2, v, c23);
      p0 += 4; p1 += 4; p2 += 4;
    }
    const f = factors + <usize>load<u32>(list, 4);
    const g = scales + <usize>load<u32>(list, 8);
    const g0 = v128.load(g), g1 = v128.load(g, 16);
    const s0 = v128.load32_splat(f);
    addScaled(sums, c00, c01, f32x4.mul(s0, g0));
    addScaled(sums + 16, c02, c03, f32x4.mul(s0, g1));
    if (rows > 1) {
      const s1 = v128.load32_splat(f + pace);
      addScaled(sums + 32, c10, c11, f32x4.mul(s1, g0));
      addScaled(sums + 48, c12, c13, f32x4.mul(s1, g1));
    }
    if (rows > 2) {
      const s2 = v128.load32_splat(f + 2 * pace);
      addScaled(sums + 64, c20, c21, f32x4.mul(s2, g0));
      addScaled(sums + 80, c22, c23, f32x4.mul(s2, g1));
    }
  }
}

@inline
function strip(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize,
  scales: usize, scalesPanel: usize, n: usize, list: usize, end: usize, sums: usize,
): void {
  const zero = f32x4.splat(0);
  for (let j: usize = 0; j < n; j += 8, c += 32, b += panel, scales += scalesPanel) {
    for (let at: usize = 0; at < 96; at += 16) v128.store(sums + at, zero);
    tile(rows, sums, a, stride, factors, pace, b, scales, list, end);
    copyTile(c, pitch, sums, 32, rows, min(8, n - j));
  }
}

/** As multiplyGroups. */
export function multiplyGroupsWide(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, scales: usize,
  scalesPanel: usize, m: usize, n: usize, k: usize, steps: usize, count: usize, sums: usize,
): void {
  const panel = k << 5;
  const end = steps + count * STEP;
  for (; m >= 3; m -= 3, c += 3 * pitch, a += 3 * stride, factors += 3 * pace) {
    strip(3, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, steps, end, sums);
  }
  if (m == 2) strip(2, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, steps, end, sums);
  else if (m == 1) strip(1, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, steps, end, sums);
}
