import { loadPart, storePart } from './vector';

/** Copies one head's row. memory.copy would leave the module for a few hundred bytes. */
@inline
function copyFloats(out: usize, x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16, out += 16) v128.store(out, v128.load(x));
  if (length & 3) storePart(out, loadPart(x, length & 3), length & 3);
}

/** out [heads, rows, size] from x [rows, heads · size]. */
export function splitHeads(out: usize, x: usize, rows: usize, heads: usize, size: usize): void {
  const bytes = size << 2;
  for (let h: usize = 0; h < heads; h++) {
    let from = x + h * bytes;
    for (let r: usize = 0; r < rows; r++, from += heads * bytes, out += bytes) copyFloats(out, from, size);
  }
}

/** out [rows, heads · size] from x [heads, rows, size]. */
export function mergeHeads(out: usize, x: usize, rows: usize, heads: usize, size: usize): void {
  const bytes = size << 2;
  for (let h: usize = 0; h < heads; h++) {
    let to = out + h * bytes;
    for (let r: usize = 0; r < rows; r++, to += heads * bytes, x += bytes) copyFloats(to, x, size);
  }
}

/** Four rows of four floats, `from` bytes apart, to four rows `to` bytes apart. */
@inline
function transpose4(out: usize, to: usize, x: usize, from: usize): void {
  const a = v128.load(x), b = v128.load(x + from), c = v128.load(x + 2 * from), d = v128.load(x + 3 * from);
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const AB = i32x4.shuffle(a, b, 2, 6, 3, 7), CD = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(out, i64x2.shuffle(ab, cd, 0, 2));
  v128.store(out + to, i64x2.shuffle(ab, cd, 1, 3));
  v128.store(out + 2 * to, i64x2.shuffle(AB, CD, 0, 2));
  v128.store(out + 3 * to, i64x2.shuffle(AB, CD, 1, 3));
}

/**
 * out [columns, rows] from x [rows, columns], which do not overlap. Blocks of 4 x 4; the last block of a side that is
 * no multiple of 4 lies over its neighbour and writes the same values again.
 */
export function transpose(out: usize, x: usize, rows: usize, columns: usize): void {
  if (rows < 4 || columns < 4) {
    transposeNarrow(out, x, rows, columns);
    return;
  }
  const from = columns << 2, to = rows << 2;
  // Columns in stripes, so that the lines written stay in the first-level cache until they are full.
  for (let stripe: usize = 0; stripe < columns; stripe += 16) {
    const end = min(stripe + 16, columns);
    for (let row: usize = 0; row < rows; row += 4) {
      const r = min(row, rows - 4);
      for (let column = stripe; column < end; column += 4) {
        const c = min(column, columns - 4);
        transpose4(out + c * to + (r << 2), to, x + r * from + (c << 2), from);
      }
    }
  }
}

/** One side is shorter than 4. */
function transposeNarrow(out: usize, x: usize, rows: usize, columns: usize): void {
  if (rows == 1 || columns == 1) {
    memory.copy(out, x, (rows * columns) << 2);
    return;
  }
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c++) {
      store<u32>(out + ((c * rows + r) << 2), load<u32>(x + ((r * columns + c) << 2)));
    }
  }
}

/** Interleaves the bytes of the lower halves of a and b. */
@inline
function low8(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** Eight rows of eight bytes. */
@inline
function transpose8(out: usize, to: usize, x: usize, from: usize): void {
  const ab = low8(v128.load64_zero(x), v128.load64_zero(x + from));
  const cd = low8(v128.load64_zero(x + 2 * from), v128.load64_zero(x + 3 * from));
  const ef = low8(v128.load64_zero(x + 4 * from), v128.load64_zero(x + 5 * from));
  const gh = low8(v128.load64_zero(x + 6 * from), v128.load64_zero(x + 7 * from));
  const abcd = i16x8.shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11);
  const ABCD = i16x8.shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
  const efgh = i16x8.shuffle(ef, gh, 0, 8, 1, 9, 2, 10, 3, 11);
  const EFGH = i16x8.shuffle(ef, gh, 4, 12, 5, 13, 6, 14, 7, 15);
  const c01 = i32x4.shuffle(abcd, efgh, 0, 4, 1, 5), c23 = i32x4.shuffle(abcd, efgh, 2, 6, 3, 7);
  const c45 = i32x4.shuffle(ABCD, EFGH, 0, 4, 1, 5), c67 = i32x4.shuffle(ABCD, EFGH, 2, 6, 3, 7);
  v128.store64_lane(out, c01, 0);
  v128.store64_lane(out + to, c01, 1);
  v128.store64_lane(out + 2 * to, c23, 0);
  v128.store64_lane(out + 3 * to, c23, 1);
  v128.store64_lane(out + 4 * to, c45, 0);
  v128.store64_lane(out + 5 * to, c45, 1);
  v128.store64_lane(out + 6 * to, c67, 0);
  v128.store64_lane(out + 7 * to, c67, 1);
}

/** The same for bytes, in blocks of 8 x 8. */
export function transposeBytes(out: usize, x: usize, rows: usize, columns: usize): void {
  if (rows < 8 || columns < 8) {
    transposeBytesNarrow(out, x, rows, columns);
    return;
  }
  for (let stripe: usize = 0; stripe < columns; stripe += 64) {
    const end = min(stripe + 64, columns);
    for (let row: usize = 0; row < rows; row += 8) {
      const r = min(row, rows - 8);
      for (let column = stripe; column < end; column += 8) {
        const c = min(column, columns - 8);
        transpose8(out + c * rows + r, rows, x + r * columns + c, columns);
      }
    }
  }
}

/** One side is shorter than 8. */
function transposeBytesNarrow(out: usize, x: usize, rows: usize, columns: usize): void {
  if (rows == 1 || columns == 1) {
    memory.copy(out, x, rows * columns);
    return;
  }
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c++) store<u8>(out + c * rows + r, load<u8>(x + r * columns + c));
  }
}
