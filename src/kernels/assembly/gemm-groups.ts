import { copyTile, madd } from './gemm-float32';

// C = Σ over steps of k of (sum of the step's products) · (scale of A's row · scale of B's column), B packed as for
// gemm-float32.ts. The sum of a step is one chain of float32 multiply-adds from its first k on: exact where the
// elements are integers and no sum passes 2^24, and the same on every machine where each product is exact in float32.
// Scaling is a product and an addition, each rounded: nothing depends on the tile or on what the machine fuses.

/** k per pass, about: a panel of B (8 columns) and a strip of A (6 rows) stay in the first-level cache. */
const DEPTH: usize = 256;

/** Bytes of a step in the list: k, then offsets in bytes of its scales in a row of A's and in a panel of B's. */
const STEP: usize = 12;

/** sums += products · scale, of four columns. */
@inline
function addScaled(sums: usize, products: v128, scale: v128): void {
  v128.store(sums, f32x4.add(v128.load(sums), f32x4.mul(products, scale)));
}

/**
 * Adds the steps of `list` up to `end` to a tile of `rows` (1..6, constant) x 8: sums in `sums`, rows of 32 bytes.
 * `a` and `stride`: row 0 and the bytes to the next; `factors` and `pace` likewise for A's scales.
 */
@inline
function tile(
  rows: i32, sums: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, scales: usize, list: usize,
  end: usize,
): void {
  const zero = f32x4.splat(0);
  let p0 = a + 0 * stride, p1 = a + 1 * stride, p2 = a + 2 * stride;
  let p3 = a + 3 * stride, p4 = a + 4 * stride, p5 = a + 5 * stride;
  let b0: v128, b1: v128, s: v128;
  for (; list < end; list += STEP) {
    let c00 = zero, c01 = zero;
    let c10 = zero, c11 = zero;
    let c20 = zero, c21 = zero;
    let c30 = zero, c31 = zero;
    let c40 = zero, c41 = zero;
    let c50 = zero, c51 = zero;
    const k = <usize>load<u32>(list);
    for (const stop = b + ((k & ~3) << 5); b < stop; b += 128) {
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
    for (const stop = b + ((k & 3) << 5); b < stop; b += 32) {
      b0 = v128.load(b, 0); b1 = v128.load(b, 16);
      s = v128.load32_splat(p0, 0); c00 = madd(s, b0, c00); c01 = madd(s, b1, c01);
      if (rows > 1) { s = v128.load32_splat(p1, 0); c10 = madd(s, b0, c10); c11 = madd(s, b1, c11); }
      if (rows > 2) { s = v128.load32_splat(p2, 0); c20 = madd(s, b0, c20); c21 = madd(s, b1, c21); }
      if (rows > 3) { s = v128.load32_splat(p3, 0); c30 = madd(s, b0, c30); c31 = madd(s, b1, c31); }
      if (rows > 4) { s = v128.load32_splat(p4, 0); c40 = madd(s, b0, c40); c41 = madd(s, b1, c41); }
      if (rows > 5) { s = v128.load32_splat(p5, 0); c50 = madd(s, b0, c50); c51 = madd(s, b1, c51); }
      p0 += 4; p1 += 4; p2 += 4; p3 += 4; p4 += 4; p5 += 4;
    }
    let f = factors + <usize>load<u32>(list, 4);
    const g = scales + <usize>load<u32>(list, 8);
    b0 = v128.load(g); b1 = v128.load(g, 16);
    s = v128.load32_splat(f);
    addScaled(sums + 0, c00, f32x4.mul(s, b0));
    addScaled(sums + 16, c01, f32x4.mul(s, b1));
    if (rows > 1) {
      f += pace;
      s = v128.load32_splat(f);
      addScaled(sums + 32, c10, f32x4.mul(s, b0));
      addScaled(sums + 48, c11, f32x4.mul(s, b1));
    }
    if (rows > 2) {
      f += pace;
      s = v128.load32_splat(f);
      addScaled(sums + 64, c20, f32x4.mul(s, b0));
      addScaled(sums + 80, c21, f32x4.mul(s, b1));
    }
    if (rows > 3) {
      f += pace;
      s = v128.load32_splat(f);
      addScaled(sums + 96, c30, f32x4.mul(s, b0));
      addScaled(sums + 112, c31, f32x4.mul(s, b1));
    }
    if (rows > 4) {
      f += pace;
      s = v128.load32_splat(f);
      addScaled(sums + 128, c40, f32x4.mul(s, b0));
      addScaled(sums + 144, c41, f32x4.mul(s, b1));
    }
    if (rows > 5) {
      f += pace;
      s = v128.load32_splat(f);
      addScaled(sums + 160, c50, f32x4.mul(s, b0));
      addScaled(sums + 176, c51, f32x4.mul(s, b1));
    }
  }
}

@inline
function clear(sums: usize, rows: i32): void {
  const zero = f32x4.splat(0);
  for (let r = 0; r < rows; r++, sums += 32) {
    v128.store(sums, zero);
    v128.store(sums, zero, 16);
  }
}

/** A strip of `rows` of C over all panels, by way of the tile `sums` (192 bytes). */
@inline
function strip(
  rows: i32, c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize,
  scales: usize, scalesPanel: usize, n: usize, list: usize, end: usize, accumulate: bool, sums: usize,
): void {
  for (let j: usize = 0; j < n; j += 8, c += 32, b += panel, scales += scalesPanel) {
    const columns = min(8, n - j);
    if (accumulate) copyTile(sums, 32, c, pitch, rows, columns);
    else clear(sums, rows);
    tile(rows, sums, a, stride, factors, pace, b, scales, list, end);
    copyTile(c, pitch, sums, 32, rows, columns);
  }
}

function strip1(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, accumulate: bool, sums: usize,
): void {
  strip(
    1, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, list, end, accumulate, sums,
  );
}

function strip2(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, accumulate: bool, sums: usize,
): void {
  strip(
    2, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, list, end, accumulate, sums,
  );
}

function strip3(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, accumulate: bool, sums: usize,
): void {
  strip(
    3, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, list, end, accumulate, sums,
  );
}

function strip4(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, accumulate: bool, sums: usize,
): void {
  strip(
    4, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, list, end, accumulate, sums,
  );
}

function strip5(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, accumulate: bool, sums: usize,
): void {
  strip(
    5, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, list, end, accumulate, sums,
  );
}

function strip6(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, panel: usize, scales: usize,
  scalesPanel: usize, n: usize, list: usize, end: usize, accumulate: bool, sums: usize,
): void {
  strip(
    6, c, pitch, a, stride, factors, pace, b, panel, scales, scalesPanel, n, list, end, accumulate, sums,
  );
}

/** Where the pass that begins at `list` ends: after the steps that DEPTH holds, or after one. */
function passEnd(list: usize, end: usize): usize {
  let depth: usize = 0;
  do {
    depth += <usize>load<u32>(list);
    list += STEP;
  } while (list < end && depth + <usize>load<u32>(list) <= DEPTH);
  return list;
}

/** k of the steps from `list` to `end`. */
function depthOf(list: usize, end: usize): usize {
  let depth: usize = 0;
  for (; list < end; list += STEP) depth += <usize>load<u32>(list);
  return depth;
}

/**
 * C [m, n] = A [m, k] · packed B in `count` steps, at least 1. Pitch, stride and pace are the bytes from row to row of
 * C, A and A's scales; `scalesPanel` those from panel to panel of B's scales, packed as B is. `sums`: 192 bytes.
 */
export function multiplyGroups(
  c: usize, pitch: usize, a: usize, stride: usize, factors: usize, pace: usize, b: usize, scales: usize,
  scalesPanel: usize, m: usize, n: usize, k: usize, steps: usize, count: usize, sums: usize,
): void {
  const panel = k << 5;
  const last = steps + count * STEP;
  let start: usize = 0;
  for (let list = steps; list < last; ) {
    const end = passEnd(list, last);
    const accumulate = start > 0;
    let to = c, from = a + (start << 2), row = factors;
    const block = b + (start << 5);
    let left = m;
    for (; left >= 6; left -= 6, to += 6 * pitch, from += 6 * stride, row += 6 * pace) {
      strip6(to, pitch, from, stride, row, pace, block, panel, scales, scalesPanel, n, list, end, accumulate, sums);
    }
    if (left == 1) {
      strip1(to, pitch, from, stride, row, pace, block, panel, scales, scalesPanel, n, list, end, accumulate, sums);
    } else if (left == 2) {
      strip2(to, pitch, from, stride, row, pace, block, panel, scales, scalesPanel, n, list, end, accumulate, sums);
    } else if (left == 3) {
      strip3(to, pitch, from, stride, row, pace, block, panel, scales, scalesPanel, n, list, end, accumulate, sums);
    } else if (left == 4) {
      strip4(to, pitch, from, stride, row, pace, block, panel, scales, scalesPanel, n, list, end, accumulate, sums);
    } else if (left == 5) {
      strip5(to, pitch, from, stride, row, pace, block, panel, scales, scalesPanel, n, list, end, accumulate, sums);
    }
    start += depthOf(list, end);
    list = end;
  }
}
