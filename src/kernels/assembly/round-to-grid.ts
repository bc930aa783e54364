import { loadPart, storePart } from './vector';

// Rounding to the entries of a sorted table of float32, by thresholds: `thresholds[k] <= v` counts the entries that v
// has passed. A tie rule is a threshold moved by one float.

/** The table holds magnitudes; the sign of the value is put back. */
const MAGNITUDES = 0;
/** The table holds values. */
const VALUES = 1;
/** Values, and x · (1 / scale) in the place of x / scale, as bitsandbytes has it. */
const RECIPROCAL = 2;

/** 1 / scale stays finite: bitsandbytes' own bound (`absmax.clamp(min=1e-38)`). */
const LEAST_SCALE: f32 = 1e-38;

@inline
function scaled(v: v128, scale: v128, kind: i32): v128 {
  const quotient = kind == RECIPROCAL ? f32x4.mul(v, scale) : f32x4.div(v, scale);
  return v128.and(quotient, f32x4.eq(quotient, quotient));
}

@inline
function finished(entry: v128, number: v128, scale: v128, kind: i32, values: bool): v128 {
  let element = entry;
  if (kind == MAGNITUDES) {
    // Not for zeros: there is no -0.
    const sign = v128.and(number, i32x4.splat(0x80000000));
    element = v128.or(entry, v128.and(sign, f32x4.gt(entry, f32x4.splat(0))));
  }
  return values ? f32x4.mul(element, scale) : element;
}

/**
 * Entries of four numbers: the bits of the first entry plus, for each threshold passed, the difference of the bits of
 * its two neighbours. `steps` holds thresholds and differences, four of each in a row: 32 bytes a step.
 */
@inline
function stepped(number: v128, first: v128, steps: usize, end: usize, kind: i32): v128 {
  const key = kind == MAGNITUDES ? f32x4.abs(number) : number;
  let bits = first;
  for (let at = steps; at < end; at += 32) {
    bits = i32x4.add(bits, v128.and(f32x4.ge(key, v128.load(at)), v128.load(at, 16)));
  }
  return bits;
}

@inline
function roundSmall(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, first: v128, steps: usize, end: usize,
  kind: i32, values: bool,
): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, scales += 4) {
      const scale = v128.load32_splat(scales);
      const by = kind == RECIPROCAL
        ? f32x4.div(f32x4.splat(1), f32x4.max(scale, f32x4.splat(LEAST_SCALE)))
        : scale;
      const length = min(group, columns - c);
      // Four vectors a turn, so that a step is loaded once for all.
      for (const last = x + ((length & ~15) << 2); x < last; x += 64) {
        const n0 = scaled(v128.load(x), by, kind), n1 = scaled(v128.load(x, 16), by, kind);
        const n2 = scaled(v128.load(x, 32), by, kind), n3 = scaled(v128.load(x, 48), by, kind);
        const k0 = kind == MAGNITUDES ? f32x4.abs(n0) : n0, k1 = kind == MAGNITUDES ? f32x4.abs(n1) : n1;
        const k2 = kind == MAGNITUDES ? f32x4.abs(n2) : n2, k3 = kind == MAGNITUDES ? f32x4.abs(n3) : n3;
        let b0 = first, b1 = first, b2 = first, b3 = first;
        for (let at = steps; at < end; at += 32) {
          const threshold = v128.load(at), difference = v128.load(at, 16);
          b0 = i32x4.add(b0, v128.and(f32x4.ge(k0, threshold), difference));
          b1 = i32x4.add(b1, v128.and(f32x4.ge(k1, threshold), difference));
          b2 = i32x4.add(b2, v128.and(f32x4.ge(k2, threshold), difference));
          b3 = i32x4.add(b3, v128.and(f32x4.ge(k3, threshold), difference));
        }
        v128.store(x, finished(b0, n0, scale, kind, values));
        v128.store(x, finished(b1, n1, scale, kind, values), 16);
        v128.store(x, finished(b2, n2, scale, kind, values), 32);
        v128.store(x, finished(b3, n3, scale, kind, values), 48);
      }
      for (const last = x + ((length & 12) << 2); x < last; x += 16) {
        const number = scaled(v128.load(x), by, kind);
        v128.store(x, finished(stepped(number, first, steps, end, kind), number, scale, kind, values));
      }
      if (length & 3) {
        const number = scaled(loadPart(x, length & 3), by, kind);
        storePart(x, finished(stepped(number, first, steps, end, kind), number, scale, kind, values), length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}

/** Every threshold is compared. */
export function roundToSmallGrid(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, first: f32, steps: usize, count: usize,
  kind: i32, values: bool,
): void {
  const entry = f32x4.splat(first), end = steps + (count << 5);
  if (kind == MAGNITUDES) {
    if (values) roundSmall(x, scales, rows, columns, group, entry, steps, end, MAGNITUDES, true);
    else roundSmall(x, scales, rows, columns, group, entry, steps, end, MAGNITUDES, false);
  } else if (kind == VALUES) {
    if (values) roundSmall(x, scales, rows, columns, group, entry, steps, end, VALUES, true);
    else roundSmall(x, scales, rows, columns, group, entry, steps, end, VALUES, false);
  } else {
    if (values) roundSmall(x, scales, rows, columns, group, entry, steps, end, RECIPROCAL, true);
    else roundSmall(x, scales, rows, columns, group, entry, steps, end, RECIPROCAL, false);
  }
}

/** The row of a bucket: threshold, bits of the entry below it, what the entry above adds to them, nothing. */
@inline
function row(table: usize, bucket: i32): v128 {
  return v128.load(table + (<usize>bucket << 4));
}

@inline
function bucketed(
  number: v128, scale: v128, table: usize, shift: i32, base: v128, last: v128, values: bool,
): v128 {
  const size = f32x4.abs(number);
  const bucket = i32x4.max_s(i32x4.sub(i32x4.shr_u(size, shift), base), i32x4.splat(0));
  const buckets = i32x4.min_s(bucket, last);
  const r0 = row(table, i32x4.extract_lane(buckets, 0)), r1 = row(table, i32x4.extract_lane(buckets, 1));
  const r2 = row(table, i32x4.extract_lane(buckets, 2)), r3 = row(table, i32x4.extract_lane(buckets, 3));
  const low01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5), low23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
  const thresholds = i64x2.shuffle(low01, low23, 0, 2), entries = i64x2.shuffle(low01, low23, 1, 3);
  const differences = i64x2.shuffle(i32x4.shuffle(r0, r1, 2, 6, 3, 7), i32x4.shuffle(r2, r3, 2, 6, 3, 7), 0, 2);
  const entry = i32x4.add(entries, v128.and(f32x4.ge(size, thresholds), differences));
  return finished(entry, number, scale, MAGNITUDES, values);
}

/**
 * Magnitudes of more entries. Bits of a magnitude, `shift` of them dropped, less `base`, taken to 0 .. last, name a bucket
 * of the table, 16 bytes each, in which at most one threshold lies.
 */
export function roundToBuckets(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, table: usize, shift: i32, base: i32, last: i32,
  values: bool,
): void {
  const from = i32x4.splat(base), most = i32x4.splat(last);
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, scales += 4) {
      const scale = v128.load32_splat(scales);
      const length = min(group, columns - c);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        const number = scaled(v128.load(x), scale, MAGNITUDES);
        v128.store(x, bucketed(number, scale, table, shift, from, most, values));
      }
      if (length & 3) {
        const number = scaled(loadPart(x, length & 3), scale, MAGNITUDES);
        storePart(x, bucketed(number, scale, table, shift, from, most, values), length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}

/** Nearest entries as above for what lies from `low` to `high`; values beyond stay as they are. No scale. */
export function roundInsideToGrid(
  x: usize, length: usize, first: f32, steps: usize, count: usize, low: f32, high: f32,
): void {
  const entry = f32x4.splat(first), end = steps + (count << 5);
  const from = f32x4.splat(low), to = f32x4.splat(high);
  for (const last = x + ((length & ~3) << 2); x < last; x += 16) {
    const v = v128.load(x);
    const inside = v128.and(f32x4.ge(v, from), f32x4.le(v, to));
    v128.store(x, v128.bitselect(stepped(v, entry, steps, end, VALUES), v, inside));
  }
  if (length & 3) {
    const v = loadPart(x, length & 3);
    const inside = v128.and(f32x4.ge(v, from), f32x4.le(v, to));
    storePart(x, v128.bitselect(stepped(v, entry, steps, end, VALUES), v, inside), length & 3);
  }
}
