import { loadPart } from './vector';

// Packing of B into panels of 8 columns, k after k: [ceil(n / 8)][k][8] floats, or [ceil(n / 8)][k / 2][8][2] int16.
// A last panel that is not full repeats a column; what it computes there is never stored.

/** Panels of B [n, k] (float32), whose rows are `stride` bytes apart. */
export function packTransposed(out: usize, b: usize, stride: usize, n: usize, k: usize): void {
  for (let j: usize = 0; j < n; j += 8) {
    const last = n - 1;
    let p0 = b + min(j, last) * stride, p1 = b + min(j + 1, last) * stride;
    let p2 = b + min(j + 2, last) * stride, p3 = b + min(j + 3, last) * stride;
    let p4 = b + min(j + 4, last) * stride, p5 = b + min(j + 5, last) * stride;
    let p6 = b + min(j + 6, last) * stride, p7 = b + min(j + 7, last) * stride;
    for (const end = p0 + ((k & ~3) << 2); p0 < end; out += 128) {
      pack4(out, v128.load(p0), v128.load(p1), v128.load(p2), v128.load(p3), 4);
      pack4(out + 16, v128.load(p4), v128.load(p5), v128.load(p6), v128.load(p7), 4);
      p0 += 16; p1 += 16; p2 += 16; p3 += 16; p4 += 16; p5 += 16; p6 += 16; p7 += 16;
    }
    const rest = k & 3;
    if (rest) {
      pack4(out, loadPart(p0, rest), loadPart(p1, rest), loadPart(p2, rest), loadPart(p3, rest), rest);
      pack4(out + 16, loadPart(p4, rest), loadPart(p5, rest), loadPart(p6, rest), loadPart(p7, rest), rest);
      out += rest << 5;
    }
  }
}

/** `count` (1..4) columns of the 4 x 4 block of rows a, b, c, d, each to a panel row of 32 bytes. */
@inline
function pack4(out: usize, a: v128, b: v128, c: v128, d: v128, count: usize): void {
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const AB = i32x4.shuffle(a, b, 2, 6, 3, 7), CD = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(out, i64x2.shuffle(ab, cd, 0, 2));
  if (count > 1) v128.store(out, i64x2.shuffle(ab, cd, 1, 3), 32);
  if (count > 2) v128.store(out, i64x2.shuffle(AB, CD, 0, 2), 64);
  if (count > 3) v128.store(out, i64x2.shuffle(AB, CD, 1, 3), 96);
}

/** Rows of B that are packed at a time: few enough to be read as streams, enough to write whole cache lines. */
const ROWS: usize = 16;

/** Panels of B [k, n] (float32), whose rows are `stride` bytes apart; `panel` is the bytes from one to the next. */
export function packRows(out: usize, panel: usize, b: usize, stride: usize, n: usize, k: usize): void {
  const rest = n & 7;
  for (let i: usize = 0; i < k; i += ROWS, b += ROWS * stride, out += ROWS << 5) {
    const rows = min(ROWS, k - i);
    let from = b, to = out;
    for (const end = b + ((n & ~7) << 2); from < end; from += 32, to += panel) {
      for (let r: usize = 0, p = from, q = to; r < rows; r++, p += stride, q += 32) {
        v128.store(q, v128.load(p));
        v128.store(q, v128.load(p, 16), 16);
      }
    }
    if (rest) {
      for (let r: usize = 0, p = from, q = to; r < rows; r++, p += stride, q += 32) {
        const low = rest < 4 ? loadPart(p, rest) : v128.load(p);
        v128.store(q, low);
        v128.store(q, rest > 4 ? loadPart(p + 16, rest - 4) : low, 16);
      }
    }
  }
}

/** Eight int8 of row k and of row k + 1 as pairs of int16. */
@inline
function packPairs(out: usize, first: v128, second: v128): void {
  v128.store(out, i16x8.shuffle(first, second, 0, 8, 1, 9, 2, 10, 3, 11));
  v128.store(out, i16x8.shuffle(first, second, 4, 12, 5, 13, 6, 14, 7, 15), 16);
}

/** The first `count` (1..7) int8 at `p` as int16. */
function widenPart(p: usize, count: usize): v128 {
  let bits: u64 = 0;
  for (let i: usize = 0; i < count; i++) bits |= (<u64>load<u8>(p + i)) << (i << 3);
  return i16x8.extend_low_i8x16_s(i64x2(<i64>bits, 0));
}

/** Panels of pairs of B [k, n] (int8), whose rows are `stride` bytes apart; of an odd k the last row pairs with 0. */
export function packPairRows(out: usize, panel: usize, b: usize, stride: usize, n: usize, k: usize): void {
  const rest = n & 7;
  const zero = i16x8.splat(0);
  for (let i: usize = 0; i < k; i += ROWS, b += ROWS * stride, out += ROWS << 4) {
    const rows = min(ROWS, k - i);
    let from = b, to = out;
    for (const end = b + (n & ~7); from < end; from += 8, to += panel) {
      for (let r: usize = 0, p = from, q = to; r < rows; r += 2, p += 2 * stride, q += 32) {
        packPairs(q, v128.load8x8_s(p), r + 1 < rows ? v128.load8x8_s(p + stride) : zero);
      }
    }
    if (rest) {
      for (let r: usize = 0, p = from, q = to; r < rows; r += 2, p += 2 * stride, q += 32) {
        packPairs(q, widenPart(p, rest), r + 1 < rows ? widenPart(p + stride, rest) : zero);
      }
    }
  }
}

/** A [m, k] of codes + 128 as int16 codes [m, k + (k & 1)], padded with 0; rows are `stride` bytes apart. */
export function packCodes(out: usize, a: usize, stride: usize, m: usize, k: usize): void {
  const offset = i16x8.splat(128);
  for (let i: usize = 0; i < m; i++, a += stride) {
    let from = a;
    for (const end = a + (k & ~7); from < end; from += 8, out += 16) {
      v128.store(out, i16x8.sub(v128.load8x8_u(from), offset));
    }
    for (const end = a + k; from < end; from++, out += 2) store<i16>(out, <i16>load<u8>(from) - 128);
    if (k & 1) {
      store<i16>(out, 0);
      out += 2;
    }
  }
}
