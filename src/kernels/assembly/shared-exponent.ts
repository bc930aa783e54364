import { absMax } from './reduce';
import { constant, loadPart, storePart } from './vector';

// Block floating point: the values of a group are integers on one power of two (Anda, FIGNA, MSFP).

/** Exponent field of a float32; of a power of two it is all that is set. */
const EXPONENT = memory.data<i32>([0x7f800000]);
/** 13 in the exponent field: a float32 has 13 bits more of mantissa than a float16. */
const DROPPED = memory.data<i32>([13 << 23]);
const HALF_MAX = memory.data<f32>([65504]);
const SUBNORMAL_STEP = memory.data<f32>([0.5]);

/**
 * Magnitudes to float16, ties to even, from 65504 on 65504. 2^(e + 13) + magnitude has float16's step 2^(e - 10), so
 * adding and subtracting it rounds; below 2^-14 the step stays at 2^-24, which is that of 0.5.
 */
@inline
function toHalf(magnitude: v128): v128 {
  const kept = f32x4.pmin(magnitude, constant(HALF_MAX));
  const power = i32x4.add(v128.and(kept, constant(EXPONENT)), constant(DROPPED));
  const shift = f32x4.pmax(power, constant(SUBNORMAL_STEP));
  return f32x4.sub(f32x4.add(kept, shift), shift);
}

/**
 * out [rows, groups] = 2^(e - (mantissa - 1)), e the exponent of the group's largest |x|: of its float16 where `half`
 * (at least -14), else of itself (at least -126), and 0 for a group of zeros.
 */
export function sharedScales(
  out: usize, x: usize, rows: usize, columns: usize, group: usize, mantissa: i32, half: bool,
): void {
  const below = reinterpret<f32>((127 - (mantissa - 1)) << 23);
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, out += 4) {
      const length = min(group, columns - c);
      const largest = absMax(x, length);
      let power: f32 = 1;
      if (half) {
        const rounded = reinterpret<i32>(f32x4.extract_lane(toHalf(f32x4.splat(largest)), 0));
        power = reinterpret<f32>(max(rounded & 0x7f800000, (127 - 14) << 23));
      } else if (largest > 0) {
        power = reinterpret<f32>(max(reinterpret<i32>(largest) & 0x7f800000, 1 << 23));
      }
      store<f32>(out, power * below);
      x += length << 2;
    }
  }
}

@inline
function aligned(v: v128, scale: v128, largest: v128, half: bool, nearest: bool, negativeZero: bool, values: bool): v128 {
  const magnitude = f32x4.abs(v);
  const quotient = f32x4.div(half ? toHalf(magnitude) : magnitude, scale);
  const integer = f32x4.pmin(nearest ? f32x4.nearest(quotient) : f32x4.floor(quotient), largest);
  const signed = v128.or(integer, v128.xor(v, magnitude));
  const element = negativeZero ? signed : f32x4.add(signed, f32x4.splat(0));
  return values ? f32x4.mul(element, scale) : element;
}

@inline
function alignAll(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, largest: f32,
  half: bool, nearest: bool, negativeZero: bool, values: bool,
): void {
  const limit = f32x4.splat(largest);
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, scales += 4) {
      const scale = v128.load32_splat(scales);
      const length = min(group, columns - c);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        v128.store(x, aligned(v128.load(x), scale, limit, half, nearest, negativeZero, values));
      }
      if (length & 3) {
        const part = loadPart(x, length & 3);
        storePart(x, aligned(part, scale, limit, half, nearest, negativeZero, values), length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}

/** x -> ± min(floor |float16(x)| / scale, largest), -0 kept where `negativeZero`; times the scale where `values`. */
export function alignHalves(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, largest: f32, negativeZero: bool, values: bool,
): void {
  if (negativeZero) {
    if (values) alignAll(x, scales, rows, columns, group, largest, true, false, true, true);
    else alignAll(x, scales, rows, columns, group, largest, true, false, true, false);
  } else {
    if (values) alignAll(x, scales, rows, columns, group, largest, true, false, false, true);
    else alignAll(x, scales, rows, columns, group, largest, true, false, false, false);
  }
}

/** x -> ± min(|x| / scale rounded, largest): to nearest with ties to even, or down; times the scale where `values`. */
export function alignFloats(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, largest: f32, nearest: bool, values: bool,
): void {
  if (nearest) {
    if (values) alignAll(x, scales, rows, columns, group, largest, false, true, true, true);
    else alignAll(x, scales, rows, columns, group, largest, false, true, true, false);
  } else {
    if (values) alignAll(x, scales, rows, columns, group, largest, false, false, true, true);
    else alignAll(x, scales, rows, columns, group, largest, false, false, true, false);
  }
}
