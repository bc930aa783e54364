import { constant } from './vector';

// exp, erf and tanh of float32 vectors. Polynomials use fused multiply-add, as the matrix product does: the same bits on
// every machine that has it (all but x86 before 2013).

const HALF = memory.data<f32>([0.5]);
const ONE = memory.data<f32>([1]);
const TWO = memory.data<f32>([2]);

const LOG2_E = memory.data<f32>([1.44269504088896341]);
/** ln 2 in two parts (Cody and Waite): the first has 9 bits, so that n times it is exact. */
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440e-4]);
/** -126 ln 2: below it a result would be subnormal. */
const EXP_LOW = memory.data<f32>([-87.33654475]);
/** 128 ln 2: above it a result is infinite. */
const EXP_HIGH = memory.data<f32>([88.72283905]);
const EXP_INFINITY = memory.data<i32>([0x7f800000]);
/** Cephes' expf: (e^r - 1 - r) / r² on |r| <= ln 2 / 2. */
const EXP_5 = memory.data<f32>([1.9875691500e-4]);
const EXP_4 = memory.data<f32>([1.3981999507e-3]);
const EXP_3 = memory.data<f32>([8.3334519073e-3]);
const EXP_2 = memory.data<f32>([4.1665795894e-2]);
const EXP_1 = memory.data<f32>([1.6666665459e-1]);
const EXP_0 = memory.data<f32>([5.0000001201e-1]);

/** a · b + c; c by its address. */
@inline
function step(a: v128, b: v128, c: usize): v128 {
  return f32x4.relaxed_madd(a, b, constant(c));
}

/**
 * e^x, relative error below 2e-7; results below 2^-126 are 0, NaN stays NaN. Cephes' expf (S. L. Moshier):
 * x = n ln 2 + r, |r| <= ln 2 / 2, then a polynomial of degree 7 in r and n added to the exponent.
 */
@inline
export function exp(x: v128): v128 {
  const n = f32x4.nearest(f32x4.mul(x, constant(LOG2_E)));
  const high = f32x4.relaxed_nmadd(n, constant(LN2_HIGH), x);
  const r = f32x4.relaxed_nmadd(n, constant(LN2_LOW), high);
  let p = step(r, constant(EXP_5), EXP_4);
  p = step(p, r, EXP_3);
  p = step(p, r, EXP_2);
  p = step(p, r, EXP_1);
  p = step(p, r, EXP_0);
  p = f32x4.add(f32x4.relaxed_madd(p, f32x4.mul(r, r), r), constant(ONE));
  // Out of range (NaN too) the conversion gives 0 or -2^31 by machine, of which the shift leaves 0 either way, or a
  // number that the two selections below replace.
  const scaled = i32x4.add(p, i32x4.shl(i32x4.relaxed_trunc_f32x4_s(n), 23));
  const finite = v128.bitselect(constant(EXP_INFINITY), scaled, f32x4.gt(x, constant(EXP_HIGH)));
  return v128.andnot(finite, f32x4.lt(x, constant(EXP_LOW)));
}

const ROOT_HALF = memory.data<f32>([0.70710678118654752440]);
const ERF_SPLIT = memory.data<f32>([0.927734375]);
// N. Juffa's minimax polynomials for erff: log(1 - erf(t)) / t + 1 above the split, erf(x) / x - 1 below it.
const FAR_6 = memory.data<f32>([-1.72853470e-5]);
const FAR_5 = memory.data<f32>([3.83197126e-4]);
const FAR_4 = memory.data<f32>([-3.88396438e-3]);
const FAR_3 = memory.data<f32>([2.42546219e-2]);
const FAR_2 = memory.data<f32>([-1.06777877e-1]);
const FAR_1 = memory.data<f32>([-6.34846687e-1]);
const FAR_0 = memory.data<f32>([-1.28717512e-1]);
const NEAR_5 = memory.data<f32>([-5.96761703e-4]);
const NEAR_4 = memory.data<f32>([4.99119423e-3]);
const NEAR_3 = memory.data<f32>([-2.67681349e-2]);
const NEAR_2 = memory.data<f32>([1.12819925e-1]);
const NEAR_1 = memory.data<f32>([-3.76125336e-1]);
const NEAR_0 = memory.data<f32>([1.28379166e-1]);

/** log(1 - erf(t)) for t above the split; beyond 4, where it was not fitted, low enough still. */
@inline
function logErfc(t: v128): v128 {
  const s = f32x4.mul(t, t);
  const even = step(t, constant(FAR_6), FAR_5);
  const odd = step(t, constant(FAR_4), FAR_3);
  let r = f32x4.add(f32x4.mul(even, s), odd);
  r = step(r, t, FAR_2);
  r = step(r, t, FAR_1);
  r = step(r, t, FAR_0);
  return f32x4.sub(f32x4.mul(r, t), t);
}

/** erf(x) / x - 1 by x². */
@inline
function erfRatio(s: v128): v128 {
  let r = step(s, constant(NEAR_5), NEAR_4);
  r = step(r, s, NEAR_3);
  r = step(r, s, NEAR_2);
  r = step(r, s, NEAR_1);
  return step(r, s, NEAR_0);
}

/**
 * Φ(x) = (1 + erf(x / √2)) / 2. In the far branch the small tail comes from exp itself, so that Φ of a negative x does
 * not cancel.
 */
@inline
export function normalCdf(x: v128): v128 {
  const z = f32x4.mul(x, constant(ROOT_HALF));
  const t = f32x4.abs(z);
  const half = constant(HALF);
  const tail = f32x4.mul(half, exp(logErfc(t)));
  const far = v128.bitselect(tail, f32x4.sub(constant(ONE), tail), f32x4.lt(x, f32x4.splat(0)));
  const near = f32x4.add(half, f32x4.mul(half, f32x4.add(z, f32x4.mul(z, erfRatio(f32x4.mul(z, z))))));
  return v128.bitselect(far, near, f32x4.gt(t, constant(ERF_SPLIT)));
}

/** Cephes' tanhf: (tanh(x) / x - 1) / x² on |x| <= 0.625. */
const TANH_SPLIT = memory.data<f32>([0.625]);
const TANH_4 = memory.data<f32>([-5.70498872745e-3]);
const TANH_3 = memory.data<f32>([2.06390887954e-2]);
const TANH_2 = memory.data<f32>([-5.37397155531e-2]);
const TANH_1 = memory.data<f32>([1.33314422036e-1]);
const TANH_0 = memory.data<f32>([-3.33332819422e-1]);

/** tanh(x), relative error below 3e-7: Cephes' tanhf below 0.625, 1 - 2 / (e^2x + 1) above. */
@inline
export function tanhVector(x: v128): v128 {
  const t = f32x4.abs(x);
  const e = exp(f32x4.add(t, t));
  const far = f32x4.sub(constant(ONE), f32x4.div(constant(TWO), f32x4.add(e, constant(ONE))));
  const s = f32x4.mul(x, x);
  let p = step(s, constant(TANH_4), TANH_3);
  p = step(p, s, TANH_2);
  p = step(p, s, TANH_1);
  p = step(p, s, TANH_0);
  const near = f32x4.add(x, f32x4.mul(x, f32x4.mul(s, p)));
  return v128.bitselect(v128.or(far, v128.xor(x, t)), near, f32x4.gt(t, constant(TANH_SPLIT)));
}
