import { constant, loadPart, storePart } from './vector';

// Rounding to narrower binary floats and widening back. To nearest, ties to even; NaN stays NaN.

const ONE = memory.data<i32>([1]);
const BEFORE_HALF_13 = memory.data<i32>([(1 << 12) - 1]);
const BEFORE_HALF_16 = memory.data<i32>([(1 << 15) - 1]);
const INFINITY = memory.data<i32>([0x7f800000]);
const HALF = memory.data<f32>([0.5]);
/** The smallest normal float16, and the first number beyond its range. */
const NORMAL = memory.data<f32>([6.103515625e-5]);
const BEYOND = memory.data<f32>([65536]);

/**
 * Rounds away the last `bits` bits of the mantissa, `beforeHalf` being 2^(bits - 1) - 1. A carry runs into the exponent,
 * up to infinity, as it should.
 */
@inline
function roundBits(v: v128, bits: i32, beforeHalf: usize): v128 {
  const even = v128.and(i32x4.shr_u(v, bits), constant(ONE));
  const rounded = i32x4.add(v, i32x4.add(even, constant(beforeHalf)));
  const cut = i32x4.shl(i32x4.shr_u(rounded, bits), bits);
  // In a NaN the carry could run into the sign and leave a zero.
  return v128.bitselect(cut, v, f32x4.eq(v, v));
}

@inline
function float16(v: v128): v128 {
  const magnitude = f32x4.abs(v);
  const rounded = roundBits(magnitude, 13, BEFORE_HALF_13);
  // Above 65504 and its half step the rounded number is 65536 or more: infinity. A NaN fails the comparison.
  const overflow = f32x4.ge(rounded, constant(BEYOND));
  const normal = v128.bitselect(constant(INFINITY), rounded, overflow);
  // Below 2^-14 steps are 2^-24, which is the step of float32 in [0.5, 1): adding 0.5 rounds there.
  const subnormal = f32x4.sub(f32x4.add(magnitude, constant(HALF)), constant(HALF));
  const chosen = v128.bitselect(subnormal, normal, f32x4.lt(magnitude, constant(NORMAL)));
  return v128.or(chosen, v128.xor(v, magnitude));
}

export function roundFloat16(x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, float16(v128.load(x)));
  if (length & 3) storePart(x, float16(loadPart(x, length & 3)), length & 3);
}

/** bfloat16 and TF32 have float32's exponent, subnormals too: dropping `bits` bits is all. */
@inline
function roundMantissa(x: usize, length: usize, bits: i32, beforeHalf: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, roundBits(v128.load(x), bits, beforeHalf));
  if (length & 3) storePart(x, roundBits(loadPart(x, length & 3), bits, beforeHalf), length & 3);
}

export function roundBfloat16(x: usize, length: usize): void {
  roundMantissa(x, length, 16, BEFORE_HALF_16);
}

export function roundTf32(x: usize, length: usize): void {
  roundMantissa(x, length, 13, BEFORE_HALF_13);
}

const MAGNITUDE = memory.data<i32>([0x7fff]);
const SPECIAL = memory.data<i32>([0x7bff]);
const SUBNORMAL = memory.data<i32>([0x400]);
/** From the exponent's bias 15 to 127; that of infinity and NaN goes from 31 to 255, twice as far. */
const REBIAS = memory.data<i32>([112 << 23]);

/** Four float16 in the low halves of four words. */
@inline
function widen(words: v128): v128 {
  const magnitude = v128.and(words, constant(MAGNITUDE));
  const sign = i32x4.shl(v128.xor(words, magnitude), 16);
  const special = v128.and(i32x4.gt_s(magnitude, constant(SPECIAL)), constant(REBIAS));
  const normal = i32x4.add(i32x4.add(i32x4.shl(magnitude, 13), constant(REBIAS)), special);
  // A subnormal m · 2^-24 is what 0.5 + m · 2^-24 has beyond 0.5; float32 subnormals, which are slow, do not occur.
  const subnormal = f32x4.sub(i32x4.add(magnitude, constant(HALF)), constant(HALF));
  return v128.or(sign, v128.bitselect(subnormal, normal, i32x4.gt_s(constant(SUBNORMAL), magnitude)));
}

/** The first `count` (1..3) words of four, without reading more. */
function loadWords(p: usize, count: usize): v128 {
  let v = i32x4(load<u16>(p), 0, 0, 0);
  if (count > 1) v = i32x4.replace_lane(v, 1, load<u16>(p, 2));
  if (count > 2) v = i32x4.replace_lane(v, 2, load<u16>(p, 4));
  return v;
}

export function widenFloat16(out: usize, from: usize, length: usize): void {
  const end = out + ((length & ~3) << 2);
  for (; out < end; out += 16, from += 8) v128.store(out, widen(v128.load16x4_u(from)));
  if (length & 3) storePart(out, widen(loadWords(from, length & 3)), length & 3);
}

export function widenBfloat16(out: usize, from: usize, length: usize): void {
  const end = out + ((length & ~3) << 2);
  for (; out < end; out += 16, from += 8) v128.store(out, i32x4.shl(v128.load16x4_u(from), 16));
  if (length & 3) storePart(out, i32x4.shl(loadWords(from, length & 3), 16), length & 3);
}
