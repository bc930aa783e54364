import { abs, loadPart, storePart } from './vector';

// Rounding to narrower binary floats and widening back. To nearest, ties to even; NaN stays NaN.

/** Rounds away the last `bits` bits of the mantissa. A carry runs into the exponent, up to infinity, as it should. */
@inline
function roundBits(v: v128, bits: i32): v128 {
  const even = v128.and(i32x4.shr_u(v, bits), i32x4.splat(1));
  const rounded = i32x4.add(v, i32x4.add(even, i32x4.splat((1 << (bits - 1)) - 1)));
  const cut = v128.and(rounded, i32x4.splat(-1 << bits));
  // In a NaN the carry could run into the sign and leave a zero.
  return v128.bitselect(cut, v, f32x4.eq(v, v));
}

@inline
function float16(v: v128): v128 {
  const magnitude = abs(v);
  const rounded = roundBits(magnitude, 13);
  // Above 65504 and its half step the rounded number is 65536 or more: infinity. A NaN fails the comparison.
  const overflow = f32x4.ge(rounded, f32x4.splat(65536));
  const normal = v128.bitselect(f32x4.splat(f32.POSITIVE_INFINITY), rounded, overflow);
  // Below 2^-14 steps are 2^-24, which is the step of float32 in [0.5, 1): adding 0.5 rounds there.
  const half = f32x4.splat(0.5);
  const subnormal = f32x4.sub(f32x4.add(magnitude, half), half);
  const chosen = v128.bitselect(subnormal, normal, f32x4.lt(magnitude, f32x4.splat(6.103515625e-5)));
  return v128.or(chosen, v128.and(v, i32x4.splat(0x80000000)));
}

export function roundFloat16(x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, float16(v128.load(x)));
  if (length & 3) storePart(x, float16(loadPart(x, length & 3)), length & 3);
}

/** bfloat16 and TF32 have float32's exponent, subnormals too: dropping `bits` bits is all. */
@inline
function roundMantissa(x: usize, length: usize, bits: i32): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, roundBits(v128.load(x), bits));
  if (length & 3) storePart(x, roundBits(loadPart(x, length & 3), bits), length & 3);
}

export function roundBfloat16(x: usize, length: usize): void {
  roundMantissa(x, length, 16);
}

export function roundTf32(x: usize, length: usize): void {
  roundMantissa(x, length, 13);
}

/** Four float16 in the low halves of four words. */
@inline
function widen(words: v128): v128 {
  const magnitude = v128.and(words, i32x4.splat(0x7fff));
  const sign = i32x4.shl(v128.and(words, i32x4.splat(0x8000)), 16);
  // Rebias the exponent from 15 to 127; that of infinity and NaN goes from 31 to 255.
  const rebias = i32x4.splat(112 << 23);
  const special = v128.and(i32x4.ge_s(magnitude, i32x4.splat(0x7c00)), rebias);
  const normal = i32x4.add(i32x4.add(i32x4.shl(magnitude, 13), rebias), special);
  // A subnormal m · 2^-24 is what 0.5 + m · 2^-24 has beyond 0.5; float32 subnormals, which are slow, do not occur.
  const subnormal = f32x4.sub(i32x4.add(magnitude, f32x4.splat(0.5)), f32x4.splat(0.5));
  return v128.or(sign, v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400))));
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
