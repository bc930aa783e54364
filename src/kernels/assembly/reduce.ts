import { expDouble } from './exponential-double';
import { constant, loadPart, loadPartOr, maxAbsLanes, maxLanes, storePart } from './vector';

/** Largest |x| of `length` floats, 0 of none; NaN if there is one (see maxAbsLanes). */
export function absMax(x: usize, length: usize): f32 {
  let m0 = i32x4.splat(0), m1 = m0, m2 = m0, m3 = m0;
  const end = x + ((length & ~15) << 2);
  for (; x < end; x += 64) {
    m0 = i32x4.max_s(m0, f32x4.abs(v128.load(x)));
    m1 = i32x4.max_s(m1, f32x4.abs(v128.load(x, 16)));
    m2 = i32x4.max_s(m2, f32x4.abs(v128.load(x, 32)));
    m3 = i32x4.max_s(m3, f32x4.abs(v128.load(x, 48)));
  }
  for (let rest = length & 15; rest > 0; x += 16) {
    m0 = i32x4.max_s(m0, f32x4.abs(rest < 4 ? loadPart(x, rest) : v128.load(x)));
    rest = rest < 4 ? 0 : rest - 4;
  }
  return maxAbsLanes(i32x4.max_s(i32x4.max_s(m0, m1), i32x4.max_s(m2, m3)));
}

export function rowAbsMax(out: usize, x: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++, x += columns << 2) store<f32>(out + (r << 2), absMax(x, columns));
}

/** out[c] = max(out[c], |x[r, c]|), out not negative. */
export function columnAbsMax(out: usize, x: usize, rows: usize, columns: usize): void {
  const whole = (columns & ~3) << 2;
  const rest = columns & 3;
  for (let r: usize = 0; r < rows; r++, x += columns << 2) {
    for (let i: usize = 0; i < whole; i += 16) {
      v128.store(out + i, i32x4.max_s(v128.load(out + i), f32x4.abs(v128.load(x + i))));
    }
    if (rest) {
      const v = i32x4.max_s(loadPart(out + whole, rest), f32x4.abs(loadPart(x + whole, rest)));
      storePart(out + whole, v, rest);
    }
  }
}

const INFINITY = memory.data<i32>([0x7f800000]);

/** All ones where a float is NaN or infinite. */
@inline
function nonFinite(v: v128): v128 {
  return i32x4.ge_s(f32x4.abs(v), constant(INFINITY));
}

/** Index of the first NaN or infinity, or -1. */
export function findNonFinite(x: usize, length: usize): i32 {
  const start = x;
  const end = x + (length << 2);
  for (const whole = x + ((length & ~15) << 2); x < whole; x += 64) {
    const a = v128.or(nonFinite(v128.load(x)), nonFinite(v128.load(x, 16)));
    const b = v128.or(nonFinite(v128.load(x, 32)), nonFinite(v128.load(x, 48)));
    if (v128.any_true(v128.or(a, b))) break;
  }
  for (; x < end; x += 4) {
    if ((load<i32>(x) & 0x7fffffff) >= 0x7f800000) return <i32>((x - start) >> 2);
  }
  return -1;
}

/** Largest of `columns` floats; a NaN loses against any number; minus infinity of none. */
function rowMax(x: usize, columns: usize): f32 {
  const lowest = f32x4.splat(f32.NEGATIVE_INFINITY);
  let m0 = lowest, m1 = lowest;
  const end = x + ((columns & ~7) << 2);
  for (; x < end; x += 32) {
    m0 = f32x4.pmax(m0, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
  }
  for (let rest = columns & 7; rest > 0; x += 16) {
    m0 = f32x4.pmax(m0, rest < 4 ? loadPartOr(x, rest, lowest) : v128.load(x));
    rest = rest < 4 ? 0 : rest - 4;
  }
  return maxLanes(f32x4.pmax(m0, m1));
}

/** out[r] = the first column that holds the largest value; 0 if all are NaN. */
export function argMax(out: usize, x: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++, x += columns << 2) {
    const largest = rowMax(x, columns);
    const wanted = f32x4.splat(largest);
    let c: usize = 0;
    for (const whole = columns & ~3; c < whole; c += 4) {
      if (v128.any_true(f32x4.eq(v128.load(x + (c << 2)), wanted))) break;
    }
    while (c < columns && load<f32>(x + (c << 2)) != largest) c++;
    store<i32>(out + (r << 2), c < columns ? <i32>c : 0);
  }
}

@inline
function lowDouble(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}

@inline
function highDouble(v: v128): v128 {
  return f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 0));
}

@inline
function sumDouble(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** out[2r] = the largest x of the row, out[2r + 1] = Σ exp(x - largest); a NaN gives a NaN sum. */
export function expSums(out: usize, x: usize, rows: usize, columns: usize): void {
  const rest = columns & 3;
  for (let r: usize = 0; r < rows; r++, out += 16) {
    const largest = <f64>rowMax(x, columns);
    const shift = f64x2.splat(largest);
    let a = f64x2.splat(0), b = a;
    for (const end = x + ((columns & ~3) << 2); x < end; x += 16) {
      const v = v128.load(x);
      a = f64x2.add(a, expDouble(f64x2.sub(lowDouble(v), shift)));
      b = f64x2.add(b, expDouble(f64x2.sub(highDouble(v), shift)));
    }
    if (rest) {
      const v = loadPartOr(x, rest, f32x4.splat(f32.NEGATIVE_INFINITY));
      a = f64x2.add(a, expDouble(f64x2.sub(lowDouble(v), shift)));
      b = f64x2.add(b, expDouble(f64x2.sub(highDouble(v), shift)));
      x += rest << 2;
    }
    store<f64>(out, largest);
    store<f64>(out, sumDouble(f64x2.add(a, b)), 8);
  }
}

/** e · (p - q), and 0 where e is 0: a probability of 0 adds nothing, whatever q is. */
@inline
function weighted(e: v128, p: v128, q: v128): v128 {
  return v128.and(f64x2.mul(e, f64x2.sub(p, q)), f64x2.ne(e, f64x2.splat(0)));
}

/**
 * out[3r] = Σ exp(p'), out[3r + 1] = Σ exp(q'), out[3r + 2] = Σ exp(p') (p' - q'), where p' and q' are the row's
 * values less its largest: what the Kullback-Leibler divergence of the two softmaxes is made of.
 */
export function divergenceSums(out: usize, p: usize, q: usize, rows: usize, columns: usize): void {
  const lowest = f32x4.splat(f32.NEGATIVE_INFINITY);
  for (let r: usize = 0; r < rows; r++, out += 24) {
    const pShift = f64x2.splat(<f64>rowMax(p, columns));
    const qShift = f64x2.splat(<f64>rowMax(q, columns));
    let pSum = f64x2.splat(0), qSum = pSum, mixed = pSum;
    for (let left = columns; left > 0; ) {
      const count = min(left, 4);
      const pv = count < 4 ? loadPartOr(p, count, lowest) : v128.load(p);
      const qv = count < 4 ? loadPartOr(q, count, lowest) : v128.load(q);
      const p0 = f64x2.sub(lowDouble(pv), pShift), p1 = f64x2.sub(highDouble(pv), pShift);
      const q0 = f64x2.sub(lowDouble(qv), qShift), q1 = f64x2.sub(highDouble(qv), qShift);
      const e0 = expDouble(p0), e1 = expDouble(p1);
      pSum = f64x2.add(pSum, f64x2.add(e0, e1));
      qSum = f64x2.add(qSum, f64x2.add(expDouble(q0), expDouble(q1)));
      mixed = f64x2.add(mixed, f64x2.add(weighted(e0, p0, q0), weighted(e1, p1, q1)));
      p += count << 2;
      q += count << 2;
      left -= count;
    }
    store<f64>(out, sumDouble(pSum));
    store<f64>(out, sumDouble(qSum), 8);
    store<f64>(out, sumDouble(mixed), 16);
  }
}
