import { loadPart, storePart } from './vector';

// C = A · B in float32, B packed (see pack.ts). Each element of C is one chain of fused multiply-adds over k, from
// k = 0 on, whatever the tile that it falls into: a row has the same bits however many other rows there are. (On a
// machine without FMA every relaxed_madd rounds twice: the bits differ from those of another machine, not among rows.)

/** k per pass: a panel of B (8 columns) and a strip of A (6 rows) stay in the first-level cache. */
const DEPTH: usize = 256;

@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c);
}

/**
 * A tile of `rows` (1..6, constant) x 8 of C: twelve accumulators, two vectors of B, one of A fill the 16 registers.
 * `a` and `stride`: row 0 and the bytes to the next; `c` and `pitch` likewise; `k` steps of 4 bytes of A and 32 of B.
 */
@inline
function tile(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, b: usize, k: usize, accumulate: bool,
): void {
  const q0 = c + 0 * pitch;
  const q1 = c + 1 * pitch;
  const q2 = c + 2 * pitch;
  const q3 = c + 3 * pitch;
  const q4 = c + 4 * pitch;
  const q5 = c + 5 * pitch;
  const zero = f32x4.splat(0);
  let c00 = zero, c01 = zero;
  let c10 = zero, c11 = zero;
  let c20 = zero, c21 = zero;
  let c30 = zero, c31 = zero;
  let c40 = zero, c41 = zero;
  let c50 = zero, c51 = zero;
  if (accumulate) {
    c00 = v128.load(q0); c01 = v128.load(q0, 16);
    if (rows > 1) { c10 = v128.load(q1); c11 = v128.load(q1, 16); }
    if (rows > 2) { c20 = v128.load(q2); c21 = v128.load(q2, 16); }
    if (rows > 3) { c30 = v128.load(q3); c31 = v128.load(q3, 16); }
    if (rows > 4) { c40 = v128.load(q4); c41 = v128.load(q4, 16); }
    if (rows > 5) { c50 = v128.load(q5); c51 = v128.load(q5, 16); }
  }
  let p0 = a + 0 * stride, p1 = a + 1 * stride, p2 = a + 2 * stride;
  let p3 = a + 3 * stride, p4 = a + 4 * stride, p5 = a + 5 * stride;
  let b0: v128, b1: v128, s: v128;
  for (const end = b + ((k & ~3) << 5); b < end; b += 128) {
    b0 = v128.load(b, 0); b1 = v128.load(b, 16);
    s = v128.load32_splat(p0, 0); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01);
    if (rows > 1) { s = v128.load32_splat(p1, 0); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); }
    if (rows > 2) { s = v128.load32_splat(p2, 0); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); }
    if (rows > 3) { s = v128.load32_splat(p3, 0); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); }
    if (rows > 4) { s = v128.load32_splat(p4, 0); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); }
    if (rows > 5) { s = v128.load32_splat(p5, 0); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); }
    b0 = v128.load(b, 32); b1 = v128.load(b, 48);
    s = v128.load32_splat(p0, 4); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01);
    if (rows > 1) { s = v128.load32_splat(p1, 4); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); }
    if (rows > 2) { s = v128.load32_splat(p2, 4); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); }
    if (rows > 3) { s = v128.load32_splat(p3, 4); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); }
    if (rows > 4) { s = v128.load32_splat(p4, 4); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); }
    if (rows > 5) { s = v128.load32_splat(p5, 4); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); }
    b0 = v128.load(b, 64); b1 = v128.load(b, 80);
    s = v128.load32_splat(p0, 8); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01);
    if (rows > 1) { s = v128.load32_splat(p1, 8); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); }
    if (rows > 2) { s = v128.load32_splat(p2, 8); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); }
    if (rows > 3) { s = v128.load32_splat(p3, 8); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); }
    if (rows > 4) { s = v128.load32_splat(p4, 8); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); }
    if (rows > 5) { s = v128.load32_splat(p5, 8); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); }
    b0 = v128.load(b, 96); b1 = v128.load(b, 112);
    s = v128.load32_splat(p0, 12); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01);
    if (rows > 1) { s = v128.load32_splat(p1, 12); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); }
    if (rows > 2) { s = v128.load32_splat(p2, 12); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); }
    if (rows > 3) { s = v128.load32_splat(p3, 12); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); }
    if (rows > 4) { s = v128.load32_splat(p4, 12); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); }
    if (rows > 5) { s = v128.load32_splat(p5, 12); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); }
    p0 += 16; p1 += 16; p2 += 16; p3 += 16; p4 += 16; p5 += 16;
  }
  for (const end = b + ((k & 3) << 5); b < end; b += 32) {
    b0 = v128.load(b, 0); b1 = v128.load(b, 16);
    s = v128.load32_splat(p0, 0); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01);
    if (rows > 1) { s = v128.load32_splat(p1, 0); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); }
    if (rows > 2) { s = v128.load32_splat(p2, 0); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); }
    if (rows > 3) { s = v128.load32_splat(p3, 0); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); }
    if (rows > 4) { s = v128.load32_splat(p4, 0); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); }
    if (rows > 5) { s = v128.load32_splat(p5, 0); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); }
    p0 += 4; p1 += 4; p2 += 4; p3 += 4; p4 += 4; p5 += 4;
  }
  v128.store(q0, c00); v128.store(q0, c01, 16);
  if (rows > 1) { v128.store(q1, c10); v128.store(q1, c11, 16); }
  if (rows > 2) { v128.store(q2, c20); v128.store(q2, c21, 16); }
  if (rows > 3) { v128.store(q3, c30); v128.store(q3, c31, 16); }
  if (rows > 4) { v128.store(q4, c40); v128.store(q4, c41, 16); }
  if (rows > 5) { v128.store(q5, c50); v128.store(q5, c51, 16); }
}

/** `rows` x `columns` (1..8) of 32-bit values from one matrix to another. */
export function copyTile(to: usize, toPitch: usize, from: usize, fromPitch: usize, rows: i32, columns: usize): void {
  for (let r = 0; r < rows; r++, to += toPitch, from += fromPitch) {
    if (columns >= 4) v128.store(to, v128.load(from));
    else storePart(to, loadPart(from, columns), columns);
    if (columns == 8) v128.store(to, v128.load(from, 16), 16);
    else if (columns > 4) storePart(to + 16, loadPart(from + 16, columns - 4), columns - 4);
  }
}

/** A strip of `rows` of C over all panels. The edge of C goes by way of `spare`, a tile of its own (192 bytes). */
@inline
function strip(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, b: usize, panel: usize, n: usize, k: usize,
  accumulate: bool, spare: usize,
): void {
  for (; n >= 8; n -= 8, c += 32, b += panel) tile(rows, c, pitch, a, stride, b, k, accumulate);
  if (n > 0) {
    if (accumulate) copyTile(spare, 32, c, pitch, rows, n);
    tile(rows, spare, 32, a, stride, b, k, accumulate);
    copyTile(c, pitch, spare, 32, rows, n);
  }
}

function strip1(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, panel: usize, n: usize, k: usize, accumulate: bool,
  spare: usize,
): void {
  strip(1, c, pitch, a, stride, b, panel, n, k, accumulate, spare);
}

function strip2(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, panel: usize, n: usize, k: usize, accumulate: bool,
  spare: usize,
): void {
  strip(2, c, pitch, a, stride, b, panel, n, k, accumulate, spare);
}

function strip3(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, panel: usize, n: usize, k: usize, accumulate: bool,
  spare: usize,
): void {
  strip(3, c, pitch, a, stride, b, panel, n, k, accumulate, spare);
}

function strip4(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, panel: usize, n: usize, k: usize, accumulate: bool,
  spare: usize,
): void {
  strip(4, c, pitch, a, stride, b, panel, n, k, accumulate, spare);
}

function strip5(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, panel: usize, n: usize, k: usize, accumulate: bool,
  spare: usize,
): void {
  strip(5, c, pitch, a, stride, b, panel, n, k, accumulate, spare);
}

function strip6(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, panel: usize, n: usize, k: usize, accumulate: bool,
  spare: usize,
): void {
  strip(6, c, pitch, a, stride, b, panel, n, k, accumulate, spare);
}

/** C [m, n] = A [m, k] · packed B, k >= 1. Pitch and stride are the bytes from row to row of C and A. */
export function multiplyFloat32(
  c: usize, pitch: usize, a: usize, stride: usize, b: usize, m: usize, n: usize, k: usize, spare: usize,
): void {
  const panel = k << 5;
  for (let start: usize = 0; start < k; start += DEPTH) {
    const depth = min(DEPTH, k - start);
    const accumulate = start > 0;
    let to = c, from = a + (start << 2);
    const block = b + (start << 5);
    let left = m;
    for (; left >= 6; left -= 6, to += 6 * pitch, from += 6 * stride) {
      strip6(to, pitch, from, stride, block, panel, n, depth, accumulate, spare);
    }
    if (left == 1) strip1(to, pitch, from, stride, block, panel, n, depth, accumulate, spare);
    else if (left == 2) strip2(to, pitch, from, stride, block, panel, n, depth, accumulate, spare);
    else if (left == 3) strip3(to, pitch, from, stride, block, panel, n, depth, accumulate, spare);
    else if (left == 4) strip4(to, pitch, from, stride, block, panel, n, depth, accumulate, spare);
    else if (left == 5) strip5(to, pitch, from, stride, block, panel, n, depth, accumulate, spare);
  }
}
