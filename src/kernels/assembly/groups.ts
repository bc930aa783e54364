import { absMax } from './reduce';
import { loadPart, maxAbsLanes, storePart } from './vector';

// Values in rows of `columns`, in groups of `group` along a row; the last group of a row may be shorter. What belongs to
// a group (a scale, a maximum) lies in [rows, ceil(columns / group)].

/** Largest |x| of a group of whole vectors, lane by lane. */
@inline
function laneMax(x: usize, bytes: usize): v128 {
  let largest = f32x4.abs(v128.load(x));
  for (let i: usize = 16; i < bytes; i += 16) largest = i32x4.max_s(largest, f32x4.abs(v128.load(x + i)));
  return largest;
}

/** Groups of whole vectors, each after the last: four at a time, whose lanes are exchanged so that one vector has all. */
function shortGroupAbsMax(out: usize, x: usize, count: usize, bytes: usize): void {
  for (const end = out + ((count & ~3) << 2); out < end; out += 16, x += bytes << 2) {
    const a = laneMax(x, bytes), b = laneMax(x + bytes, bytes);
    const c = laneMax(x + 2 * bytes, bytes), d = laneMax(x + 3 * bytes, bytes);
    const ab = i32x4.max_s(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
    const cd = i32x4.max_s(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
    v128.store(out, i32x4.max_s(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7)));
  }
  for (const end = out + ((count & 3) << 2); out < end; out += 4, x += bytes) {
    store<f32>(out, maxAbsLanes(laneMax(x, bytes)));
  }
}

export function groupAbsMax(out: usize, x: usize, rows: usize, columns: usize, group: usize): void {
  if (group <= 64 && group % 4 == 0 && columns % group == 0) {
    shortGroupAbsMax(out, x, rows * (columns / group), group << 2);
    return;
  }
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, out += 4) {
      const length = min(group, columns - c);
      store<f32>(out, absMax(x, length));
      x += length << 2;
    }
  }
}

/** max|x| / largest of each group: what takes its largest value to `largest`; 1 where that is 0. */
export function groupScales(
  out: usize, x: usize, rows: usize, columns: usize, group: usize, largest: f32,
): void {
  groupAbsMax(out, x, rows, columns, group);
  const count = rows * ((columns + group - 1) / group);
  const divisor = f32x4.splat(largest), one = f32x4.splat(1);
  for (const end = out + ((count & ~3) << 2); out < end; out += 16) {
    const scale = f32x4.div(v128.load(out), divisor);
    v128.store(out, v128.bitselect(one, scale, f32x4.eq(scale, f32x4.splat(0))));
  }
  for (const end = out + ((count & 3) << 2); out < end; out += 4) {
    const scale = load<f32>(out) / largest;
    store<f32>(out, scale == 0 ? 1 : scale);
  }
}

export function groupRange(low: usize, high: usize, x: usize, rows: usize, columns: usize, group: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, low += 4, high += 4) {
      const length = min(group, columns - c);
      let smallest = f32x4.splat(f32.MAX_VALUE), largest = f32x4.splat(-f32.MAX_VALUE);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        const v = v128.load(x);
        smallest = f32x4.pmin(smallest, v);
        largest = f32x4.pmax(largest, v);
      }
      let a = min(min(f32x4.extract_lane(smallest, 0), f32x4.extract_lane(smallest, 1)),
        min(f32x4.extract_lane(smallest, 2), f32x4.extract_lane(smallest, 3)));
      let b = max(max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
        max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)));
      for (const end = x + ((length & 3) << 2); x < end; x += 4) {
        a = min(a, load<f32>(x));
        b = max(b, load<f32>(x));
      }
      store<f32>(low, a);
      store<f32>(high, b);
    }
  }
}

export function scaleGroups(x: usize, scales: usize, rows: usize, columns: usize, group: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, scales += 4) {
      const scale = v128.load32_splat(scales);
      const length = min(group, columns - c);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        v128.store(x, f32x4.mul(v128.load(x), scale));
      }
      if (length & 3) {
        storePart(x, f32x4.mul(loadPart(x, length & 3), scale), length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}

/** Differences in float32, squares and sums in float64: even and odd pairs apart, then added. */
export function groupSquaredError(
  out: usize, x: usize, y: usize, rows: usize, columns: usize, group: usize,
): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, out += 8) {
      const length = min(group, columns - c);
      let a = f64x2.splat(0), b = f64x2.splat(0);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16, y += 16) {
        const d = f32x4.sub(v128.load(x), v128.load(y));
        const low = f64x2.promote_low_f32x4(d);
        const high = f64x2.promote_low_f32x4(i64x2.shuffle(d, d, 1, 0));
        a = f64x2.add(a, f64x2.mul(low, low));
        b = f64x2.add(b, f64x2.mul(high, high));
      }
      a = f64x2.add(a, b);
      let sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
      for (const end = x + ((length & 3) << 2); x < end; x += 4, y += 4) {
        const d = <f64>(load<f32>(x) - load<f32>(y));
        sum += d * d;
      }
      store<f64>(out, sum);
    }
  }
}
