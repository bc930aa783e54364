import { loadPart, storePart } from './vector';

// C = A · B in float32 for up to 5 rows of A, as in decoding: B is read once, where it lies, and not packed. The chains
// of fused multiply-adds over k are those of gemm-float32.ts, so the bits are too.

@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c);
}

/** The first `columns` (1..8) of eight floats. */
@inline
export function storeColumns(c: usize, low: v128, high: v128, columns: usize): void {
  if (columns >= 4) v128.store(c, low);
  else storePart(c, low, columns);
  if (columns == 8) v128.store(c, high, 16);
  else if (columns > 4) storePart(c + 16, high, columns - 4);
}

/**
 * `rows` (1..5, constant) x `columns` (1..8) of C. Eight rows of B [n, k], `step` bytes apart, turn in blocks of 4 x 4.
 */
@inline
function tile(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, b: usize, step: usize, columns: usize, k: usize,
): void {
  const last = columns - 1;
  let p0 = b, p1 = b + min(1, last) * step, p2 = b + min(2, last) * step, p3 = b + min(3, last) * step;
  let p4 = b + min(4, last) * step, p5 = b + min(5, last) * step;
  let p6 = b + min(6, last) * step, p7 = b + min(7, last) * step;
  let a0 = a, a1 = a + stride, a2 = a + 2 * stride, a3 = a + 3 * stride, a4 = a + 4 * stride;
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero;
  let c10 = zero, c11 = zero;
  let c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero;
  let c40 = zero, c41 = zero;
  for (let left = k; left > 0; ) {
    const count = min(left, 4);
    const whole = count == 4;
    let w = whole ? v128.load(p0) : loadPart(p0, count);
    let x = whole ? v128.load(p1) : loadPart(p1, count);
    let y = whole ? v128.load(p2) : loadPart(p2, count);
    let z = whole ? v128.load(p3) : loadPart(p3, count);
    let wx = i32x4.shuffle(w, x, 0, 4, 1, 5), yz = i32x4.shuffle(y, z, 0, 4, 1, 5);
    let WX = i32x4.shuffle(w, x, 2, 6, 3, 7), YZ = i32x4.shuffle(y, z, 2, 6, 3, 7);
    let v = i64x2.shuffle(wx, yz, 0, 2);
    c00 = madd(v128.load32_splat(a0, 0), v, c00);
    if (rows > 1) c10 = madd(v128.load32_splat(a1, 0), v, c10);
    if (rows > 2) c20 = madd(v128.load32_splat(a2, 0), v, c20);
    if (rows > 3) c30 = madd(v128.load32_splat(a3, 0), v, c30);
    if (rows > 4) c40 = madd(v128.load32_splat(a4, 0), v, c40);
    if (count > 1) {
      v = i64x2.shuffle(wx, yz, 1, 3);
      c00 = madd(v128.load32_splat(a0, 4), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 4), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 4), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 4), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 4), v, c40);
    }
    if (count > 2) {
      v = i64x2.shuffle(WX, YZ, 0, 2);
      c00 = madd(v128.load32_splat(a0, 8), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 8), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 8), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 8), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 8), v, c40);
    }
    if (count > 3) {
      v = i64x2.shuffle(WX, YZ, 1, 3);
      c00 = madd(v128.load32_splat(a0, 12), v, c00);
      if (rows > 1) c10 = madd(v128.load32_splat(a1, 12), v, c10);
      if (rows > 2) c20 = madd(v128.load32_splat(a2, 12), v, c20);
      if (rows > 3) c30 = madd(v128.load32_splat(a3, 12), v, c30);
      if (rows > 4) c40 = madd(v128.load32_splat(a4, 12), v, c40);
    }
    w = whole ? v128.load(p4) : loadPart(p4, count);
    x = whole ? v128.load(p5) : loadPart(p5, count);
    y = whole ? v128.load(p6) : loadPart(p6, count);
    z = whole ? v128.load(p7) : loadPart(p7, count);
    wx = i32x4.shuffle(w, x, 0, 4, 1, 5); yz = i32x4.shuffle(y, z, 0, 4, 1, 5);
    WX = i32x4.shuffle(w, x, 2, 6, 3, 7); YZ = i32x4.shuffle(y, z, 2, 6, 3, 7);
    v = i64x2.shuffle(wx, yz, 0, 2);
    c01 = madd(v128.load32_splat(a0, 0), v, c01);
    if (rows > 1) c11 = madd(v128.load32_splat(a1, 0), v, c11);
    if (rows > 2) c21 = madd(v128.load32_splat(a2, 0), v, c21);
    if (rows > 3) c31 = madd(v128.load32_splat(a3, 0), v, c31);
    if (rows > 4) c41 = madd(v128.load32_splat(a4, 0), v, c41);
    if (count > 1) {
      v = i64x2.shuffle(wx, yz, 1, 3);
      c01 = madd(v128.load32_splat(a0, 4), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 4), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 4), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 4), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 4), v, c41);
    }
    if (count > 2) {
      v = i64x2.shuffle(WX, YZ, 0, 2);
      c01 = madd(v128.load32_splat(a0, 8), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 8), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 8), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 8), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 8), v, c41);
    }
    if (count > 3) {
      v = i64x2.shuffle(WX, YZ, 1, 3);
      c01 = madd(v128.load32_splat(a0, 12), v, c01);
      if (rows > 1) c11 = madd(v128.load32_splat(a1, 12), v, c11);
      if (rows > 2) c21 = madd(v128.load32_splat(a2, 12), v, c21);
      if (rows > 3) c31 = madd(v128.load32_splat(a3, 12), v, c31);
      if (rows > 4) c41 = madd(v128.load32_splat(a4, 12), v, c41);
    }
    p0 += 16; p1 += 16; p2 += 16; p3 += 16; p4 += 16; p5 += 16; p6 += 16; p7 += 16;
    a0 += 16; a1 += 16; a2 += 16; a3 += 16; a4 += 16;
    left -= count;
  }
  storeColumns(c + 0 * pitch, c00, c01, columns);
  if (rows > 1) storeColumns(c + 1 * pitch, c10, c11, columns);
  if (rows > 2) storeColumns(c + 2 * pitch, c20, c21, columns);
  if (rows > 3) storeColumns(c + 3 * pitch, c30, c31, columns);
  if (rows > 4) storeColumns(c + 4 * pitch, c40, c41, columns);
}

@inline
function strip(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, b: usize, step: usize, n: usize, k: usize,
): void {
  for (; n >= 8; n -= 8, c += 32, b += 8 * step) tile(rows, c, pitch, a, stride, b, step, 8, k);
  if (n > 0) tile(rows, c, pitch, a, stride, b, step, n, k);
}

/** C [m, n] = A [m, k] · B [n, k] transposed, m <= 5. Pitch, stride and step are bytes from row to row of C, A and B. */
export function fewTransposed(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, step: usize, m: usize, n: usize, k: usize,
): void {
  if (m == 1) strip(1, c, pitch, a, stride, b, step, n, k);
  else if (m == 2) strip(2, c, pitch, a, stride, b, step, n, k);
  else if (m == 3) strip(3, c, pitch, a, stride, b, step, n, k);
  else if (m == 4) strip(4, c, pitch, a, stride, b, step, n, k);
  else strip(5, c, pitch, a, stride, b, step, n, k);
}

/** Columns of B per turn: 8 rows of them stay in the first-level cache for all rows of A. */
const WIDTH: usize = 512;

/** c[j] = ((c[j] + a0 b0[j]) + ...) + a7 b7[j]: eight links of each chain. */
function add8(c: usize, a: usize, b: usize, step: usize, n: usize): void {
  const b1 = step, b2 = b1 + step, b3 = b2 + step, b4 = b3 + step, b5 = b4 + step, b6 = b5 + step, b7 = b6 + step;
  const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 4);
  const a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12);
  const a4 = v128.load32_splat(a, 16), a5 = v128.load32_splat(a, 20);
  const a6 = v128.load32_splat(a, 24), a7 = v128.load32_splat(a, 28);
  for (const end = c + ((n & ~3) << 2); c < end; c += 16, b += 16) {
    let v = madd(a0, v128.load(b), v128.load(c));
    v = madd(a1, v128.load(b + b1), v);
    v = madd(a2, v128.load(b + b2), v);
    v = madd(a3, v128.load(b + b3), v);
    v = madd(a4, v128.load(b + b4), v);
    v = madd(a5, v128.load(b + b5), v);
    v = madd(a6, v128.load(b + b6), v);
    v128.store(c, madd(a7, v128.load(b + b7), v));
  }
  const rest = n & 3;
  if (rest) {
    let v = loadPart(c, rest);
    for (let i: usize = 0; i < 8; i++) v = madd(v128.load32_splat(a + (i << 2)), loadPart(b + i * step, rest), v);
    storePart(c, v, rest);
  }
}

/** c[j] = c[j] + a b[j]: one link. */
function add1(c: usize, a: usize, b: usize, n: usize): void {
  const a0 = v128.load32_splat(a);
  for (const end = c + ((n & ~3) << 2); c < end; c += 16, b += 16) {
    v128.store(c, madd(a0, v128.load(b), v128.load(c)));
  }
  const rest = n & 3;
  if (rest) storePart(c, madd(a0, loadPart(b, rest), loadPart(c, rest)), rest);
}

/** C [m, n] += A [m, k] · B [k, n], any m, best for few. Pitch, stride and step are bytes from row to row. */
export function fewRows(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, step: usize, m: usize, n: usize, k: usize,
): void {
  let i: usize = 0;
  for (; i + 8 <= k; i += 8, a += 32, b += 8 * step) {
    for (let j: usize = 0; j < n; j += WIDTH) {
      for (let r: usize = 0; r < m; r++) {
        add8(c + r * pitch + (j << 2), a + r * stride, b + (j << 2), step, min(WIDTH, n - j));
      }
    }
  }
  for (; i < k; i++, a += 4, b += step) {
    for (let r: usize = 0; r < m; r++) add1(c + r * pitch, a + r * stride, b, n);
  }
}
