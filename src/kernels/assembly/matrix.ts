import { loadPart, storePart } from './vector';

// Parts, sums and products of whole matrices, as calibration and the weight algorithms need them.

/** x[i] += Σ_r factors[r] · rows[r, i], one product after the other, each step rounded to float32. */
export function addScaledRows(x: usize, rows: usize, factors: usize, count: usize, length: usize): void {
  const pitch = length << 2;
  const last = factors + (count << 2);
  for (const end = x + ((length & ~15) << 2); x < end; x += 64, rows += 64) {
    let s0 = v128.load(x), s1 = v128.load(x, 16), s2 = v128.load(x, 32), s3 = v128.load(x, 48);
    let row = rows;
    for (let f = factors; f < last; f += 4, row += pitch) {
      const factor = v128.load32_splat(f);
      s0 = f32x4.add(s0, f32x4.mul(factor, v128.load(row)));
      s1 = f32x4.add(s1, f32x4.mul(factor, v128.load(row, 16)));
      s2 = f32x4.add(s2, f32x4.mul(factor, v128.load(row, 32)));
      s3 = f32x4.add(s3, f32x4.mul(factor, v128.load(row, 48)));
    }
    v128.store(x, s0); v128.store(x, s1, 16); v128.store(x, s2, 32); v128.store(x, s3, 48);
  }
  for (const end = x + ((length & 15) << 2); x < end; x += 4, rows += 4) {
    let sum = load<f32>(x);
    let row = rows;
    for (let f = factors; f < last; f += 4, row += pitch) sum = sum + load<f32>(f) * load<f32>(row);
    store<f32>(x, sum);
  }
}

/** out[c] += Σ_r |x[r, c]| in float64. */
export function columnAbsSums(out: usize, x: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    let p = out;
    for (const end = x + ((columns & ~1) << 2); x < end; x += 8, p += 16) {
      const pair = f64x2.promote_low_f32x4(f32x4.abs(v128.load64_zero(x)));
      v128.store(p, f64x2.add(v128.load(p), pair));
    }
    if (columns & 1) {
      store<f64>(p, load<f64>(p) + Math.abs(<f64>load<f32>(x)));
      x += 4;
    }
  }
}

/** out[r] = Σ_c x[r, c] · y[r, c], products and sums in float64. */
export function rowDots(out: usize, x: usize, y: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++, out += 8) {
    let a = f64x2.splat(0), b = a;
    for (const end = x + ((columns & ~3) << 2); x < end; x += 16, y += 16) {
      const v = v128.load(x), w = v128.load(y);
      a = f64x2.add(a, f64x2.mul(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(w)));
      const high = f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 0));
      b = f64x2.add(b, f64x2.mul(high, f64x2.promote_low_f32x4(i64x2.shuffle(w, w, 1, 0))));
    }
    a = f64x2.add(a, b);
    let sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
    for (const end = x + ((columns & 3) << 2); x < end; x += 4, y += 4) {
      sum += <f64>load<f32>(x) * <f64>load<f32>(y);
    }
    store<f64>(out, sum);
  }
}

/** Side of the squares in which a matrix is mirrored. */
const SQUARE: usize = 32;

/** x [n, n] times `factor`, its lower triangle replaced by the mirror image of the upper one. */
export function mirrorUpper(x: usize, n: usize, factor: f32): void {
  const pitch = n << 2;
  for (let top: usize = 0; top < n; top += SQUARE) {
    const bottom = min(top + SQUARE, n);
    for (let left = top; left < n; left += SQUARE) {
      const right = min(left + SQUARE, n);
      for (let r = top; r < bottom; r++) {
        for (let c = max(left, r); c < right; c++) {
          const value = load<f32>(x + r * pitch + (c << 2)) * factor;
          store<f32>(x + r * pitch + (c << 2), value);
          store<f32>(x + c * pitch + (r << 2), value);
        }
      }
    }
  }
}

/** Values of a group into ±limit of the group, limits not negative; -0 and NaN as they are. */
export function clampGroups(x: usize, limits: usize, rows: usize, columns: usize, group: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, limits += 4) {
      const high = v128.load32_splat(limits);
      const low = f32x4.neg(high);
      const length = min(group, columns - c);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        v128.store(x, f32x4.pmin(f32x4.pmax(v128.load(x), low), high));
      }
      if (length & 3) {
        storePart(x, f32x4.pmin(f32x4.pmax(loadPart(x, length & 3), low), high), length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}

/** out [rows, count] = columns [first, first + count) of x [rows, columns]. */
export function copyColumns(
  out: usize, x: usize, rows: usize, columns: usize, first: usize, count: usize,
): void {
  x += first << 2;
  for (let r: usize = 0; r < rows; r++, x += columns << 2, out += count << 2) memory.copy(out, x, count << 2);
}
