import { transposeBytes } from './layout';

// Integers of up to ±2^15 as int8 codes plus lists of the few that are beyond ±127. A list has `columns` and `values` of
// its entries, row after row, and `starts`: row r's entries are starts[r] .. starts[r + 1]. `columns` and `values` point
// at entry starts[0], so that a part of the rows is a list too.

/** starts[r + 1] = starts[r] + number of |x| > 127 in row r; starts[0] = 0. Gives the number of all. */
export function countOutliers(starts: usize, x: usize, rows: usize, columns: usize): usize {
  const largest = f32x4.splat(127);
  let total: usize = 0;
  store<u32>(starts, 0);
  for (let r: usize = 0; r < rows; r++) {
    for (const end = x + ((columns & ~3) << 2); x < end; x += 16) {
      total += popcnt(i32x4.bitmask(f32x4.gt(f32x4.abs(v128.load(x)), largest)));
    }
    for (const end = x + ((columns & 3) << 2); x < end; x += 4) total += abs(load<f32>(x)) > 127 ? 1 : 0;
    starts += 4;
    store<u32>(starts, <u32>total);
  }
  return total;
}

/** codes = x + offset (0 or 128) where |x| <= 127, else offset and an entry of the list. */
export function extractOutliers(
  codes: usize, x: usize, rows: usize, width: usize, offset: i32, columns: usize, values: usize,
): void {
  const largest = f32x4.splat(127);
  const shift = i8x16.splat(<i8>offset);
  for (let r: usize = 0; r < rows; r++) {
    const row = x;
    for (const end = x + ((width & ~15) << 2); x < end; x += 64, codes += 16) {
      let a = v128.load(x), b = v128.load(x, 16), c = v128.load(x, 32), d = v128.load(x, 48);
      const A = f32x4.gt(f32x4.abs(a), largest), B = f32x4.gt(f32x4.abs(b), largest);
      const C = f32x4.gt(f32x4.abs(c), largest), D = f32x4.gt(f32x4.abs(d), largest);
      if (v128.any_true(v128.or(v128.or(A, B), v128.or(C, D)))) {
        const mask = i32x4.bitmask(A) | (i32x4.bitmask(B) << 4) | (i32x4.bitmask(C) << 8) | (i32x4.bitmask(D) << 12);
        for (let bits = mask; bits; bits &= bits - 1, columns += 4, values += 4) {
          const at = x + (<usize>ctz(bits) << 2);
          store<u32>(columns, <u32>((at - row) >> 2));
          store<i32>(values, <i32>load<f32>(at));
        }
        a = v128.andnot(a, A); b = v128.andnot(b, B); c = v128.andnot(c, C); d = v128.andnot(d, D);
      }
      const low = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(a), i32x4.trunc_sat_f32x4_s(b));
      const high = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(c), i32x4.trunc_sat_f32x4_s(d));
      v128.store(codes, i8x16.add(i8x16.narrow_i16x8_s(low, high), shift));
    }
    for (const end = x + ((width & 15) << 2); x < end; x += 4, codes++) {
      let value = <i32>load<f32>(x);
      if (abs(value) > 127) {
        store<u32>(columns, <u32>((x - row) >> 2));
        store<i32>(values, value);
        columns += 4; values += 4;
        value = 0;
      }
      store<u8>(codes, <u8>(value + offset));
    }
  }
}

/** sums += b · (p, q) of eight columns: two rows of int8 as int16 pairs. */
@inline
function addPair(to: usize, b0: v128, b1: v128, pair: v128): void {
  const low = i16x8.shuffle(b0, b1, 0, 8, 1, 9, 2, 10, 3, 11), high = i16x8.shuffle(b0, b1, 4, 12, 5, 13, 6, 14, 7, 15);
  v128.store(to, i32x4.add(v128.load(to), i32x4.dot_i16x8_s(low, pair)));
  v128.store(to, i32x4.add(v128.load(to, 16), i32x4.dot_i16x8_s(high, pair)), 16);
}

/** c[j] += p · b0[j] + q · b1[j], p and q int16. */
function addRows(c: usize, b0: usize, b1: usize, p: i32, q: i32, n: usize): void {
  const pair = i32x4.splat((p & 0xffff) | (q << 16));
  for (const end = c + ((n & ~15) << 2); c < end; c += 64, b0 += 16, b1 += 16) {
    const v = v128.load(b0), w = v128.load(b1);
    addPair(c, i16x8.extend_low_i8x16_s(v), i16x8.extend_low_i8x16_s(w), pair);
    addPair(c + 32, i16x8.extend_high_i8x16_s(v), i16x8.extend_high_i8x16_s(w), pair);
  }
  for (const end = c + ((n & 15) << 2); c < end; c += 4, b0++, b1++) {
    store<i32>(c, load<i32>(c) + p * <i32>load<i8>(b0) + q * <i32>load<i8>(b1));
  }
}

/** C [m, n] += outliers of A [m, k] · B [k, n] (int8 codes); `pitch` and `step`: bytes from row to row of C and B. */
export function addLeftOutliers(
  c: usize, pitch: usize, starts: usize, columns: usize, values: usize, b: usize, step: usize, m: usize, n: usize,
): void {
  for (let r: usize = 0; r < m; r++, c += pitch, starts += 4) {
    let left = load<u32>(starts, 4) - load<u32>(starts);
    while (left > 0) {
      const b0 = b + <usize>load<u32>(columns) * step;
      const p = load<i32>(values);
      const q = left > 1 ? load<i32>(values, 4) : 0;
      let used: u32 = 1;
      if (left > 1 && p == <i32>(<i16>p) && q == <i32>(<i16>q)) {
        addRows(c, b0, b + <usize>load<u32>(columns, 4) * step, p, q, n);
        used = 2;
      } else {
        // +2^15 is no int16: one row in two halves.
        addRows(c, b0, b0, p >> 1, p - (p >> 1), n);
      }
      left -= used;
      columns += <usize>used << 2; values += <usize>used << 2;
    }
  }
}

/** Sixteen codes + 128 as int32. */
@inline
function widenCodes(to: usize, codes: v128): void {
  const offset = i16x8.splat(128);
  const low = i16x8.sub(i16x8.extend_low_i8x16_u(codes), offset);
  const high = i16x8.sub(i16x8.extend_high_i8x16_u(codes), offset);
  v128.store(to, i32x4.extend_low_i16x8_s(low));
  v128.store(to, i32x4.extend_high_i16x8_s(low), 16);
  v128.store(to, i32x4.extend_low_i16x8_s(high), 32);
  v128.store(to, i32x4.extend_high_i16x8_s(high), 48);
}

/**
 * out [k, height] = A [rows, k] turned, codes + 128 and outliers as int32; rows missing up to `height`, 4 or 32, are 0.
 * `spare`: 32 · k bytes.
 */
export function turnIntegers(
  out: usize, height: usize, codes: usize, starts: usize, columns: usize, values: usize, rows: usize, k: usize,
  spare: usize,
): void {
  const pitch = height << 2;
  if (rows == 32) {
    transposeBytes(spare, codes, rows, k);
    for (let to = out, end = out + k * pitch; to < end; to += 64, spare += 16) widenCodes(to, v128.load(spare));
  } else {
    memory.fill(out, 0, k * pitch);
    for (let r: usize = 0; r < rows; r++) {
      let to = out + (r << 2);
      for (const end = codes + k; codes < end; codes++, to += pitch) store<i32>(to, <i32>load<u8>(codes) - 128);
    }
  }
  for (let r: usize = 0; r < rows; r++, out += 4, starts += 4) {
    for (let left = load<u32>(starts, 4) - load<u32>(starts); left > 0; left--, columns += 4, values += 4) {
      store<i32>(out + <usize>load<u32>(columns) * pitch, load<i32>(values));
    }
  }
}

/** out [4 · vectors] (constant) = A's columns that the entries name, times their values. */
@inline
function sumColumns(vectors: i32, out: usize, turned: usize, columns: usize, values: usize, count: u32): void {
  const zero = i32x4.splat(0);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
  for (; count > 0; count--, columns += 4, values += 4) {
    const a = turned + ((<usize>load<u32>(columns) * vectors) << 4);
    const v = v128.load32_splat(values);
    s0 = i32x4.add(s0, i32x4.mul(v128.load(a), v));
    if (vectors > 1) {
      s1 = i32x4.add(s1, i32x4.mul(v128.load(a, 16), v));
      s2 = i32x4.add(s2, i32x4.mul(v128.load(a, 32), v));
      s3 = i32x4.add(s3, i32x4.mul(v128.load(a, 48), v));
      s4 = i32x4.add(s4, i32x4.mul(v128.load(a, 64), v));
      s5 = i32x4.add(s5, i32x4.mul(v128.load(a, 80), v));
      s6 = i32x4.add(s6, i32x4.mul(v128.load(a, 96), v));
      s7 = i32x4.add(s7, i32x4.mul(v128.load(a, 112), v));
    }
  }
  v128.store(out, s0);
  if (vectors > 1) {
    v128.store(out, s1, 16); v128.store(out, s2, 32); v128.store(out, s3, 48); v128.store(out, s4, 64);
    v128.store(out, s5, 80); v128.store(out, s6, 96); v128.store(out, s7, 112);
  }
}

/** C [rows, 4] += turned sums [4, height]. */
function addTurned(c: usize, pitch: usize, sums: usize, height: usize, rows: usize): void {
  const step = height << 2;
  for (let r: usize = 0; r < rows; r += 4, sums += 16) {
    const x = v128.load(sums), y = v128.load(sums + step), z = v128.load(sums + 2 * step);
    const w = v128.load(sums + 3 * step);
    const xy = i32x4.shuffle(x, y, 0, 4, 1, 5), zw = i32x4.shuffle(z, w, 0, 4, 1, 5);
    const XY = i32x4.shuffle(x, y, 2, 6, 3, 7), ZW = i32x4.shuffle(z, w, 2, 6, 3, 7);
    const left = rows - r;
    v128.store(c, i32x4.add(v128.load(c), i64x2.shuffle(xy, zw, 0, 2)));
    c += pitch;
    if (left > 1) v128.store(c, i32x4.add(v128.load(c), i64x2.shuffle(xy, zw, 1, 3)));
    c += pitch;
    if (left > 2) v128.store(c, i32x4.add(v128.load(c), i64x2.shuffle(XY, ZW, 0, 2)));
    c += pitch;
    if (left > 3) v128.store(c, i32x4.add(v128.load(c), i64x2.shuffle(XY, ZW, 1, 3)));
    c += pitch;
  }
}

/**
 * C [rows, n] += A · outliers of B [n, k] transposed; A's `rows` turned to a `height` of 4 or 32, `spare` 512 bytes.
 */
export function addRightOutliers(
  c: usize, pitch: usize, turned: usize, height: usize, starts: usize, columns: usize, values: usize, rows: usize,
  n: usize, spare: usize,
): void {
  for (let j: usize = 0; j < n; j += 4, c += 16) {
    const width = min(4, n - j);
    let out = spare;
    for (let i: usize = 0; i < width; i++, starts += 4, out += height << 2) {
      const count = load<u32>(starts, 4) - load<u32>(starts);
      if (height == 4) sumColumns(1, out, turned, columns, values, count);
      else sumColumns(8, out, turned, columns, values, count);
      columns += <usize>count << 2; values += <usize>count << 2;
    }
    if (width == 4) {
      addTurned(c, pitch, spare, height, rows);
      continue;
    }
    for (let i: usize = 0; i < width; i++) {
      for (let r: usize = 0; r < rows; r++) {
        const at = c + r * pitch + (i << 2);
        store<i32>(at, load<i32>(at) + load<i32>(spare + ((i * height + r) << 2)));
      }
    }
  }
}
