import { constant, loadPart, storePart } from './vector';

// Outlier-victim pairs (OliVe, ISCA 2023). A vector holds two pairs, so that none spans two. A row of odd length ends
// in a value without a partner, which is coded as a normal value: its lane of the cut is NaN, and nothing lies beyond
// that. `numbers` are four float32 in units of the scale: cut, largest normal value, smallest and largest outlier.
// `dropped` are the bits of a float32's mantissa that an outlier loses; `flint` says which normal type, `later` whose
// ties and pair rule: the public code's (later grid entry, left outlier) or the paper's (even, larger outlier).

const SIGN = memory.data<u32>([0x80000000]);
const HALF = memory.data<f32>([0.5]);
const ONE = memory.data<f32>([1]);
const FOUR = memory.data<f32>([4]);
const EIGHT = memory.data<f32>([8]);
const TWELVE = memory.data<f32>([12]);
const SIXTEEN = memory.data<f32>([16]);
const ONE_BIT = memory.data<i32>([1]);
/** By lane: 1 in the right values of the pairs, all ones in the left ones. */
const RIGHT_BIT = memory.data<i32>([0, 1, 0, 1]);
const LEFT = memory.data<i32>([-1, 0, -1, 0]);

/** Elements of four quotients x / scale. */
@inline
function coded(q: v128, cut: v128, numbers: usize, dropped: i32, flint: bool, later: bool): v128 {
  const sign = v128.and(q, constant(SIGN));
  const magnitude = v128.xor(q, sign);
  const outlier = f32x4.ge(magnitude, cut);

  // 1 where a tie goes up in magnitude: from an odd mantissa, or, where the larger number wins, for positive ones.
  const up = later
    ? i32x4.add(i32x4.shr_s(q, 31), constant(ONE_BIT))
    : v128.and(i32x4.shr_u(magnitude, dropped), constant(ONE_BIT));
  const half = i32x4.add(magnitude, i32x4.splat((1 << (dropped - 1)) - 1));
  const short = v128.and(i32x4.add(half, up), i32x4.splat(-1 << dropped));
  const abfloat = f32x4.pmin(f32x4.pmax(short, v128.load32_splat(numbers, 8)), v128.load32_splat(numbers, 12));

  let normal = f32x4.nearest(magnitude);
  if (later) {
    // Ties went to the even neighbour: positive ones that went down come up, negative ones that went up come down.
    const wrong = f32x4.eq(f32x4.sub(magnitude, normal), v128.or(constant(HALF), sign));
    normal = f32x4.add(normal, v128.and(v128.or(constant(ONE), sign), wrong));
  }
  if (flint) {
    // 0 1 2 3 4 are the whole numbers, 4 6 8 have one bit of mantissa, 12 is missing. Floats of one sign order as integers.
    normal = v128.bitselect(normal, short, f32x4.lt(magnitude, constant(FOUR)));
    const beyond = i32x4.gt_s(later ? i32x4.add(magnitude, up) : magnitude, constant(TWELVE));
    const large = v128.bitselect(constant(SIXTEEN), constant(EIGHT), beyond);
    normal = v128.bitselect(large, normal, f32x4.ge(normal, constant(EIGHT)));
  }
  normal = f32x4.pmin(normal, v128.load32_splat(numbers, 4));

  // A normal value is smaller than its pair's outlier, so that comparing magnitudes is enough; of equals the left stays.
  const partner = i32x4.shuffle(magnitude, magnitude, 1, 0, 3, 2);
  const beaten = later
    ? v128.not(v128.and(outlier, v128.load(LEFT)))
    : i32x4.gt_s(i32x4.add(partner, v128.load(RIGHT_BIT)), magnitude);
  const victim = v128.and(i32x4.shuffle(outlier, outlier, 1, 0, 3, 2), beaten);

  const element = v128.or(v128.bitselect(abfloat, normal, outlier), sign);
  // NaN to 0; adding +0 makes -0, which no integer has, +0.
  return f32x4.add(v128.and(v128.andnot(element, victim), f32x4.eq(q, q)), f32x4.splat(0));
}

/** The cut of the last `count` (1..3) values of a row: none for the one without a partner. */
@inline
function tailCut(cut: v128, count: usize): v128 {
  if (count == 1) return f32x4.replace_lane(cut, 0, f32.NaN);
  return count == 3 ? f32x4.replace_lane(cut, 2, f32.NaN) : cut;
}

@inline
function roundRows(
  x: usize, scales: usize, step: usize, rows: usize, columns: usize, numbers: usize, dropped: i32,
  flint: bool, later: bool, values: bool,
): void {
  const cut = v128.load32_splat(numbers), tail = columns & 3;
  for (let r: usize = 0; r < rows; r++, scales += step) {
    const scale = v128.load32_splat(scales);
    for (const end = x + ((columns & ~3) << 2); x < end; x += 16) {
      const element = coded(f32x4.div(v128.load(x), scale), cut, numbers, dropped, flint, later);
      v128.store(x, values ? f32x4.mul(element, scale) : element);
    }
    if (tail) {
      const q = f32x4.div(loadPart(x, tail), scale);
      const element = coded(q, tailCut(cut, tail), numbers, dropped, flint, later);
      storePart(x, values ? f32x4.mul(element, scale) : element, tail);
      x += tail << 2;
    }
  }
}

/** Each row's values, in place, become elements, or elements times their scale; `step` is 0 where all rows share one. */
export function roundPairs(
  x: usize, scales: usize, step: usize, rows: usize, columns: usize, numbers: usize, dropped: i32,
  flint: bool, later: bool, values: bool,
): void {
  if (flint) {
    if (later) {
      if (values) roundRows(x, scales, step, rows, columns, numbers, dropped, true, true, true);
      else roundRows(x, scales, step, rows, columns, numbers, dropped, true, true, false);
    } else if (values) roundRows(x, scales, step, rows, columns, numbers, dropped, true, false, true);
    else roundRows(x, scales, step, rows, columns, numbers, dropped, true, false, false);
  } else if (later) {
    if (values) roundRows(x, scales, step, rows, columns, numbers, dropped, false, true, true);
    else roundRows(x, scales, step, rows, columns, numbers, dropped, false, true, false);
  } else if (values) roundRows(x, scales, step, rows, columns, numbers, dropped, false, false, true);
  else roundRows(x, scales, step, rows, columns, numbers, dropped, false, false, false);
}

/**
 * Σ (x - element · scale)² of a row: product and difference in float32, squares and sums in float64, every fourth value
 * apart, then (0 + 2) + (1 + 3), then the tail in its order: as groupSquaredError does.
 */
@inline
function rowError(
  x: usize, columns: usize, scale: v128, numbers: usize, dropped: i32, flint: bool, later: bool,
): f64 {
  const cut = v128.load32_splat(numbers), tail = columns & 3;
  let a = f64x2.splat(0), b = f64x2.splat(0);
  for (const end = x + ((columns & ~3) << 2); x < end; x += 16) {
    const v = v128.load(x);
    const element = coded(f32x4.div(v, scale), cut, numbers, dropped, flint, later);
    const d = f32x4.sub(v, f32x4.mul(element, scale));
    const low = f64x2.promote_low_f32x4(d);
    const high = f64x2.promote_low_f32x4(i64x2.shuffle(d, d, 1, 0));
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  a = f64x2.add(a, b);
  let sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
  if (tail) {
    const v = loadPart(x, tail);
    const element = coded(f32x4.div(v, scale), tailCut(cut, tail), numbers, dropped, flint, later);
    const d = f32x4.sub(v, f32x4.mul(element, scale));
    sum += square(f32x4.extract_lane(d, 0));
    if (tail > 1) sum += square(f32x4.extract_lane(d, 1));
    if (tail > 2) sum += square(f32x4.extract_lane(d, 2));
  }
  return sum;
}

@inline
function square(d: f32): f64 {
  return <f64>d * <f64>d;
}

function error(
  x: usize, columns: usize, scale: v128, numbers: usize, dropped: i32, flint: bool, later: bool,
): f64 {
  if (flint) {
    if (later) return rowError(x, columns, scale, numbers, dropped, true, true);
    return rowError(x, columns, scale, numbers, dropped, true, false);
  }
  if (later) return rowError(x, columns, scale, numbers, dropped, false, true);
  return rowError(x, columns, scale, numbers, dropped, false, false);
}

/**
 * errors [rows / together, count] = squared error of each scale [rows / together, count]: `together` adjacent rows share
 * a scale, and their errors are added in order.
 */
export function pairErrors(
  errors: usize, x: usize, scales: usize, count: usize, rows: usize, together: usize, columns: usize,
  numbers: usize, dropped: i32, flint: bool, later: bool,
): void {
  for (let r: usize = 0; r < rows; ) {
    memory.fill(errors, 0, count << 3);
    // A row stays in the cache while all scales are tried on it.
    for (const end = r + together; r < end; r++, x += columns << 2) {
      for (let i: usize = 0; i < count; i++) {
        const scale = v128.load32_splat(scales + (i << 2));
        const sum = load<f64>(errors + (i << 3)) + error(x, columns, scale, numbers, dropped, flint, later);
        store<f64>(errors + (i << 3), sum);
      }
    }
    errors += count << 3;
    scales += count << 2;
  }
}
