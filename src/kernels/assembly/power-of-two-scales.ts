import { groupAbsMax } from './groups';
import { constant, loadPart, storePart } from './vector';

const INFINITY = memory.data<i32>([0x7f800000]);
const NAN = memory.data<i32>([0x7fc00000]);
/** The smallest normal number, and what makes every subnormal normal. */
const NORMAL = memory.data<i32>([0x00800000]);
const LIFT_EXPONENT = 24;
const LIFT = memory.data<f32>([16777216]);

/** Exponents that an E8M0 scale has: codes 0 .. 254; 255 is NaN (OCP MX v1.0, section 5.4.1). */
const SMALLEST = memory.data<i32>([-127]);
const LARGEST = memory.data<i32>([127]);
const BIAS = memory.data<i32>([127]);
const LEAST_NORMAL_EXPONENT = memory.data<i32>([-126]);

/** 2^exponent for exponents of normal numbers. */
@inline
function power(exponent: v128): v128 {
  return i32x4.shl(i32x4.add(exponent, constant(BIAS)), 23);
}

@inline
function scaleOf(max: v128, carry: v128, emax: v128, unit: v128): v128 {
  // A subnormal has no hidden bit: lifted it has.
  const subnormal = i32x4.lt_s(max, constant(NORMAL));
  const bits = v128.bitselect(f32x4.mul(max, constant(LIFT)), max, subnormal);
  const lifted = v128.and(subnormal, i32x4.splat(LIFT_EXPONENT));
  const field = i32x4.sub(i32x4.shr_u(i32x4.add(bits, carry), 23), lifted);
  const exponent = i32x4.sub(i32x4.sub(field, constant(BIAS)), emax);
  const stored = i32x4.min_s(i32x4.max_s(exponent, constant(SMALLEST)), constant(LARGEST));
  // The power may be subnormal: a product of two that are normal.
  const wanted = i32x4.add(stored, unit);
  const normal = i32x4.max_s(wanted, constant(LEAST_NORMAL_EXPONENT));
  const scale = f32x4.mul(power(normal), power(i32x4.sub(wanted, normal)));
  return v128.bitselect(constant(NAN), scale, i32x4.ge_s(max, constant(INFINITY)));
}

/**
 * Scales 2^(e + unit) with e = clamp(exponent of max|x| - emax, -127, 127), where the exponent is taken after `carry` has
 * been added to the bits of max|x|: 0 takes it as it is, more rounds it up from a certain mantissa on. A group with an
 * infinity or a NaN has the scale NaN.
 */
export function powerOfTwoScales(
  out: usize, x: usize, rows: usize, columns: usize, group: usize, carry: u32, emax: i32, unit: i32,
): void {
  groupAbsMax(out, x, rows, columns, group);
  const count = rows * ((columns + group - 1) / group);
  const c = i32x4.splat(carry), e = i32x4.splat(emax), u = i32x4.splat(unit);
  for (const end = out + ((count & ~3) << 2); out < end; out += 16) {
    v128.store(out, scaleOf(v128.load(out), c, e, u));
  }
  if (count & 3) storePart(out, scaleOf(loadPart(out, count & 3), c, e, u), count & 3);
}
