import { constant, loadPart, storePart } from './vector';

// Rounding to small binary floats with a scale: x / scale to nearest, ties to even, subnormals kept.

const SIGN = memory.data<i32>([0x80000000]);
const EXPONENT = memory.data<i32>([0x7f800000]);

/** Saturates, NaN stays; saturates, NaN becomes 0; what is beyond the largest becomes `beyond`, NaN stays. */
const SATURATE = 0, WITHOUT_NAN = 1, SPECIAL = 2;

/**
 * The magnitude |x| of four numbers, not above `limit`, rounded to the grid of a float. Adding and taking away
 * 2^(e + 23 - mantissa bits) rounds at the step of the float, 2^(e - mantissa bits), e being the exponent of x or, for
 * subnormals, the least one (whose bits are `normal`): float32 has the same step there, and its ties go to even.
 */
@inline
function onGrid(magnitude: v128, normal: v128, shift: v128): v128 {
  const power = i32x4.max_s(v128.and(magnitude, constant(EXPONENT)), normal);
  const magic = i32x4.add(power, shift);
  return f32x4.sub(f32x4.add(magnitude, magic), magic);
}

@inline
function rounded(
  v: v128, scale: v128, limit: v128, normal: v128, shift: v128, largest: v128, beyond: v128, mode: i32, values: bool,
): v128 {
  const quotient = f32x4.div(v, scale);
  const sign = v128.and(quotient, constant(SIGN));
  // A NaN passes pmin, and what is added to it changes nothing.
  let magnitude = onGrid(f32x4.pmin(v128.xor(quotient, sign), limit), normal, shift);
  if (mode == SPECIAL) magnitude = v128.bitselect(beyond, magnitude, f32x4.gt(magnitude, largest));
  let element = v128.or(magnitude, sign);
  if (mode == WITHOUT_NAN) element = v128.and(element, f32x4.eq(element, element));
  return values ? f32x4.mul(element, scale) : element;
}

@inline
function roundAll(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, mantissaBits: i32, minExponent: i32,
  largest: f32, beyond: f32, mode: i32, values: bool,
): void {
  const normal = i32x4.splat((minExponent + 127) << 23), shift = i32x4.splat((23 - mantissaBits) << 23);
  const max = f32x4.splat(largest), special = f32x4.splat(beyond);
  // Twice the largest is beyond it after rounding too, and its exponent leaves room for the sum.
  const limit = mode == SPECIAL ? f32x4.splat(2 * largest) : max;
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, scales += 4) {
      const scale = v128.load32_splat(scales);
      const length = min(group, columns - c);
      for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
        v128.store(x, rounded(v128.load(x), scale, limit, normal, shift, max, special, mode, values));
      }
      if (length & 3) {
        const v = rounded(loadPart(x, length & 3), scale, limit, normal, shift, max, special, mode, values);
        storePart(x, v, length & 3);
        x += (length & 3) << 2;
      }
    }
  }
}

/**
 * x / scale rounded to a float with `mantissaBits` and subnormals below 2^minExponent, times the scale where `values`.
 * mode: see above.
 */
export function roundFloats(
  x: usize, scales: usize, rows: usize, columns: usize, group: usize, mantissaBits: i32, minExponent: i32,
  largest: f32, beyond: f32, mode: i32, values: bool,
): void {
  if (mode == SATURATE) {
    if (values) roundAll(x, scales, rows, columns, group, mantissaBits, minExponent, largest, beyond, SATURATE, true);
    else roundAll(x, scales, rows, columns, group, mantissaBits, minExponent, largest, beyond, SATURATE, false);
  } else if (mode == WITHOUT_NAN) {
    if (values) roundAll(x, scales, rows, columns, group, mantissaBits, minExponent, largest, beyond, WITHOUT_NAN, true);
    else roundAll(x, scales, rows, columns, group, mantissaBits, minExponent, largest, beyond, WITHOUT_NAN, false);
  } else {
    if (values) roundAll(x, scales, rows, columns, group, mantissaBits, minExponent, largest, beyond, SPECIAL, true);
    else roundAll(x, scales, rows, columns, group, mantissaBits, minExponent, largest, beyond, SPECIAL, false);
  }
}

@inline
function floatScale(
  max: v128, element: v128, whole: v128, least: v128, largest: v128, normal: v128, shift: v128,
): v128 {
  const wanted = f32x4.div(f32x4.div(max, element), whole);
  return f32x4.pmax(onGrid(f32x4.pmin(wanted, largest), normal, shift), least);
}

/**
 * Scales that are floats themselves, over one scale of the whole: factors [count] holds max|x| of each group and becomes
 * max / element / whole on the float's grid, from `least` to `largest`; scales = whole · factor.
 */
export function floatScales(
  scales: usize, factors: usize, count: usize, element: f32, whole: f32, mantissaBits: i32, minExponent: i32,
  least: f32, largest: f32,
): void {
  const normal = i32x4.splat((minExponent + 127) << 23), shift = i32x4.splat((23 - mantissaBits) << 23);
  const e = f32x4.splat(element), w = f32x4.splat(whole), low = f32x4.splat(least), high = f32x4.splat(largest);
  for (const end = factors + ((count & ~3) << 2); factors < end; factors += 16, scales += 16) {
    const factor = floatScale(v128.load(factors), e, w, low, high, normal, shift);
    v128.store(factors, factor);
    v128.store(scales, f32x4.mul(factor, w));
  }
  const rest = count & 3;
  if (rest) {
    const factor = floatScale(loadPart(factors, rest), e, w, low, high, normal, shift);
    storePart(factors, factor, rest);
    storePart(scales, f32x4.mul(factor, w), rest);
  }
}
