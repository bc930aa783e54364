import { madd, storeColumns } from './gemm-few-rows';
import { loadPart } from './vector';

// The products of gemm-groups.ts for up to 5 rows of A, as in decoding: B is read once, where it lies, and turned in
// registers instead of packed. The order of sums is the same, so the bits are too.

/** Bytes of a step in the list, see gemm-groups.ts. */
const STEP: usize = 12;

/** sums += products · scale, of four columns. */
@inline
function addScaled(sums: v128, products: v128, scale: v128): v128 {
  return f32x4.add(sums, f32x4.mul(products, scale));
}

/**
 * `rows` (1..5, constant) x `columns` (1..8) of C. Eight rows of B [n, k], `step` bytes apart, turn in blocks of 4 x 4.
 * `scales`: of eight columns, packed as B is for gemm-groups.ts; `sums`: 160 bytes.
 */
@inline
function tile(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, step: usize,
  scales: usize, columns: usize, list: usize, end: usize, sums: usize,
): void {
  const last = columns - 1;
  let p0 = b, p1 = b + min(1, last) * step, p2 = b + min(2, last) * step, p3 = b + min(3, last) * step;
  let p4 = b + min(4, last) * step, p5 = b + min(5, last) * step;
  let p6 = b + min(6, last) * step, p7 = b + min(7, last) * step;
  let a0 = a, a1 = a + stride, a2 = a + 2 * stride, a3 = a + 3 * stride, a4 = a + 4 * stride;
  const zero = f32x4.splat(0);
  for (let r = 0, at = sums; r < rows; r++, at += 32) {
    v128.store(at, zero);
    v128.store(at, zero, 16);
  }
  let w: v128, x: v128, y: v128, z: v128, wx: v128, yz: v128, WX: v128, YZ: v128, v: v128;
  for (; list < end; list += STEP) {
    let c00 = zero, c01 = zero;
    let c10 = zero, c11 = zero;
    let c20 = zero, c21 = zero;
    let c30 = zero, c31 = zero;
    let c40 = zero, c41 = zero;
    const k = <usize>load<u32>(list);
    for (const stop = a0 + ((k & ~3) << 2); a0 < stop; ) {
      w = v128.load(p0); x = v128.load(p1); y = v128.load(p2); z = v128.load(p3);
      wx = i32x4.shuffle(w, x, 0, 4, 1, 5); yz = i32x4.shuffle(y, z, 0, 4, 1, 5);
      WX = i32x4.shuffle(w, x, 2, 6, 3, 7); YZ = i32x4.shuffle(y, z, 2, 6, 3, 7);
      v = i64x2.shuffle(wx, yz, 0, 2);
      c00 = madd(v128.load32_splat(a0, 0), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 0), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 0), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 0), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 0), v, c40);
      v = i64x2.shuffle(wx, yz, 1, 3);
      c00 = madd(v128.load32_splat(a0, 4), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 4), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 4), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 4), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 4), v, c40);
      v = i64x2.shuffle(WX, YZ, 0, 2);
      c00 = madd(v128.load32_splat(a0, 8), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 8), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 8), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 8), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 8), v, c40);
      v = i64x2.shuffle(WX, YZ, 1, 3);
      c00 = madd(v128.load32_splat(a0, 12), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 12), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 12), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 12), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 12), v, c40);
      w = v128.load(p4); x = v128.load(p5); y = v128.load(p6); z = v128.load(p7);
      wx = i32x4.shuffle(w, x, 0, 4, 1, 5); yz = i32x4.shuffle(y, z, 0, 4, 1, 5);
      WX = i32x4.shuffle(w, x, 2, 6, 3, 7); YZ = i32x4.shuffle(y, z, 2, 6, 3, 7);
      v = i64x2.shuffle(wx, yz, 0, 2);
      c01 = madd(v128.load32_splat(a0, 0), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 0), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 0), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 0), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 0), v, c41);
      v = i64x2.shuffle(wx, yz, 1, 3);
      c01 = madd(v128.load32_splat(a0, 4), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 4), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 4), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 4), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 4), v, c41);
      v = i64x2.shuffle(WX, YZ, 0, 2);
      c01 = madd(v128.load32_splat(a0, 8), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 8), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 8), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 8), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 8), v, c41);
      v = i64x2.shuffle(WX, YZ, 1, 3);
      c01 = madd(v128.load32_splat(a0, 12), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 12), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 12), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 12), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 12), v, c41);
      p0 += 16; p1 += 16; p2 += 16; p3 += 16; p4 += 16; p5 += 16; p6 += 16; p7 += 16;
      a0 += 16; a1 += 16; a2 += 16; a3 += 16; a4 += 16;
    }
    const rest = k & 3;
    if (rest) {
      w = loadPart(p0, rest); x = loadPart(p1, rest);
      y = loadPart(p2, rest); z = loadPart(p3, rest);
      wx = i32x4.shuffle(w, x, 0, 4, 1, 5); yz = i32x4.shuffle(y, z, 0, 4, 1, 5);
      WX = i32x4.shuffle(w, x, 2, 6, 3, 7); YZ = i32x4.shuffle(y, z, 2, 6, 3, 7);
      v = i64x2.shuffle(wx, yz, 0, 2);
      c00 = madd(v128.load32_splat(a0, 0), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 0), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 0), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 0), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 0), v, c40);
      if (rest > 1) {
        v = i64x2.shuffle(wx, yz, 1, 3);
        c00 = madd(v128.load32_splat(a0, 4), v, c00);
        if (rows > 1) c10 = madd(v128.load32_splat(a1, 4), v, c10);
        if (rows > 2) c20 = madd(v128.load32_splat(a2, 4), v, c20);
        if (rows > 3) c30 = madd(v128.load32_splat(a3, 4), v, c30);
        if (rows > 4) c40 = madd(v128.load32_splat(a4, 4), v, c40);
      }
      if (rest > 2) {
        v = i64x2.shuffle(WX, YZ, 0, 2);
        c00 = madd(v128.load32_splat(a0, 8), v, c00);
        if (rows > 1) c10 = madd(v128.load32_splat(a1, 8), v, c10);
        if (rows > 2) c20 = madd(v128.load32_splat(a2, 8), v, c20);
        if (rows > 3) c30 = madd(v128.load32_splat(a3, 8), v, c30);
        if (rows > 4) c40 = madd(v128.load32_splat(a4, 8), v, c40);
      }
      w = loadPart(p4, rest); x = loadPart(p5, rest);
      y = loadPart(p6, rest); z = loadPart(p7, rest);
      wx = i32x4.shuffle(w, x, 0, 4, 1, 5); yz = i32x4.shuffle(y, z, 0, 4, 1, 5);
      WX = i32x4.shuffle(w, x, 2, 6, 3, 7); YZ = i32x4.shuffle(y, z, 2, 6, 3, 7);
      v = i64x2.shuffle(wx, yz, 0, 2);
      c01 = madd(v128.load32_splat(a0, 0), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 0), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 0), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 0), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 0), v, c41);
      if (rest > 1) {
        v = i64x2.shuffle(wx, yz, 1, 3);
        c01 = madd(v128.load32_splat(a0, 4), v, c01);
        if (rows > 1) c11 = madd(v128.load32_splat(a1, 4), v, c11);
        if (rows > 2) c21 = madd(v128.load32_splat(a2, 4), v, c21);
        if (rows > 3) c31 = madd(v128.load32_splat(a3, 4), v, c31);
        if (rows > 4) c41 = madd(v128.load32_splat(a4, 4), v, c41);
      }
      if (rest > 2) {
        v = i64x2.shuffle(WX, YZ, 0, 2);
        c01 = madd(v128.load32_splat(a0, 8), v, c01);
        if (rows > 1) c11 = madd(v128.load32_splat(a1, 8), v, c11);
        if (rows > 2) c21 = madd(v128.load32_splat(a2, 8), v, c21);
        if (rows > 3) c31 = madd(v128.load32_splat(a3, 8), v, c31);
        if (rows > 4) c41 = madd(v128.load32_splat(a4, 8), v, c41);
      }
      const bytes = rest << 2;
      p0 += bytes; p1 += bytes; p2 += bytes; p3 += bytes; p4 += bytes; p5 += bytes; p6 += bytes; p7 += bytes;
      a0 += bytes; a1 += bytes; a2 += bytes; a3 += bytes; a4 += bytes;
    }
    let f = factors + <usize>load<u32>(list, 4);
    const g = scales + <usize>load<u32>(list, 8);
    w = v128.load(g); x = v128.load(g, 16);
    v = v128.load32_splat(f);
    v128.store(sums, addScaled(v128.load(sums), c00, f32x4.mul(v, w)));
    v128.store(sums, addScaled(v128.load(sums, 16), c01, f32x4.mul(v, x)), 16);
    if (rows > 1) {
      f += pace;
      v = v128.load32_splat(f);
      v128.store(sums, addScaled(v128.load(sums, 32), c10, f32x4.mul(v, w)), 32);
      v128.store(sums, addScaled(v128.load(sums, 48), c11, f32x4.mul(v, x)), 48);
    }
    if (rows > 2) {
      f += pace;
      v = v128.load32_splat(f);
      v128.store(sums, addScaled(v128.load(sums, 64), c20, f32x4.mul(v, w)), 64);
      v128.store(sums, addScaled(v128.load(sums, 80), c21, f32x4.mul(v, x)), 80);
    }
    if (rows > 3) {
      f += pace;
      v = v128.load32_splat(f);
      v128.store(sums, addScaled(v128.load(sums, 96), c30, f32x4.mul(v, w)), 96);
      v128.store(sums, addScaled(v128.load(sums, 112), c31, f32x4.mul(v, x)), 112);
    }
    if (rows > 4) {
      f += pace;
      v = v128.load32_splat(f);
      v128.store(sums, addScaled(v128.load(sums, 128), c40, f32x4.mul(v, w)), 128);
      v128.store(sums, addScaled(v128.load(sums, 144), c41, f32x4.mul(v, x)), 144);
    }
  }
  for (let r = 0; r < rows; r++, c += pitch, sums += 32) {
    storeColumns(c, v128.load(sums), v128.load(sums, 16), columns);
  }
}

@inline
function strip(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, step: usize,
  scales: usize, scalesPanel: usize, n: usize, list: usize, end: usize, sums: usize,
): void {
  for (; n >= 8; n -= 8, c += 32, b += 8 * step, scales += scalesPanel) {
    tile(rows, c, pitch, a, stride, factors, pace, b, step, scales, 8, list, end, sums);
  }
  if (n > 0) tile(rows, c, pitch, a, stride, factors, pace, b, step, scales, n, list, end, sums);
}

// Functions of their own: V8 gives registers badly to one that holds all.

function strip1(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, step: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, sums: usize,
): void {
  strip(1, c, pitch, a, stride, factors, pace, b, step, scales, scalesPanel, n, list, end, sums);
}

function strip2(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, step: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, sums: usize,
): void {
  strip(2, c, pitch, a, stride, factors, pace, b, step, scales, scalesPanel, n, list, end, sums);
}

function strip3(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, step: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, sums: usize,
): void {
  strip(3, c, pitch, a, stride, factors, pace, b, step, scales, scalesPanel, n, list, end, sums);
}

function strip4(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, step: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, sums: usize,
): void {
  strip(4, c, pitch, a, stride, factors, pace, b, step, scales, scalesPanel, n, list, end, sums);
}

function strip5(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, step: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, sums: usize,
): void {
  strip(5, c, pitch, a, stride, factors, pace, b, step, scales, scalesPanel, n, list, end, sums);
}

/** As multiplyGroups, m <= 5 and B [n, k] not packed. */
export function multiplyGroupsFew(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, scales: usize,
  scalesPanel: usize, m: usize, n: usize, k: usize, steps: usize, count: usize, sums: usize,
): void {
  const row = k << 2, end = steps + count * STEP;
  if (m == 1) strip1(c, pitch, a, stride, factors, pace, b, row, scales, scalesPanel, n, steps, end, sums);
  else if (m == 2) strip2(c, pitch, a, stride, factors, pace, b, row, scales, scalesPanel, n, steps, end, sums);
  else if (m == 3) strip3(c, pitch, a, stride, factors, pace, b, row, scales, scalesPanel, n, steps, end, sums);
  else if (m == 4) strip4(c, pitch, a, stride, factors, pace, b, row, scales, scalesPanel, n, steps, end, sums);
  else strip5(c, pitch, a, stride, factors, pace, b, row, scales, scalesPanel, n, steps, end, sums);
}
