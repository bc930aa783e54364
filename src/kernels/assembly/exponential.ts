// exp, erf and tanh of float32 vectors, and exp of float64. Plain multiplications and additions, never fused: the same
// bits on every machine.

const LOG2_E: f32 = 1.44269504088896341;
/** ln 2 in two parts (Cody and Waite): the first has 9 bits, so that n times it is exact. */
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440e-4;
/** 126 ln 2: below minus this a result would be subnormal. */
const EXP_LOW: f32 = -87.33654475;
/** 128 ln 2: above it a result is infinite. */
const EXP_HIGH: f32 = 88.72283905;

/** a · b + c, rounded twice. */
@inline
function step(a: v128, b: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(a, b), f32x4.splat(c));
}

/**
 * e^x, relative error below 2e-7; results below 2^-126 are 0, NaN stays NaN. Cephes' expf (S. L. Moshier):
 * x = n ln 2 + r, |r| <= ln 2 / 2, then a polynomial of degree 7 in r and n added to the exponent.
 */
@inline
export function exp(x: v128): v128 {
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(LOG2_E)));
  const high = f32x4.sub(x, f32x4.mul(n, f32x4.splat(LN2_HIGH)));
  const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(LN2_LOW)));
  let p = step(r, f32x4.splat(1.9875691500e-4), 1.3981999507e-3);
  p = step(p, r, 8.3334519073e-3);
  p = step(p, r, 4.1665795894e-2);
  p = step(p, r, 1.6666665459e-1);
  p = step(p, r, 5.0000001201e-1);
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  // Out of range (NaN too) the conversion gives 0 or -2^31 by machine, of which the shift leaves 0 either way, or a
  // number that the two selections below replace.
  const scaled = i32x4.add(p, i32x4.shl(i32x4.relaxed_trunc_f32x4_s(n), 23));
  const finite = v128.bitselect(f32x4.splat(f32.POSITIVE_INFINITY), scaled, f32x4.gt(x, f32x4.splat(EXP_HIGH)));
  return v128.andnot(finite, f32x4.lt(x, f32x4.splat(EXP_LOW)));
}

/** The polynomial of log(1 - erf(t)) for t > 0.927734375, and beyond 4 a bound that is low enough. */
@inline
function logErfc(t: v128): v128 {
  const s = f32x4.mul(t, t);
  const even = step(t, f32x4.splat(-1.72853470e-5), 3.83197126e-4);
  const odd = step(t, f32x4.splat(-3.88396438e-3), 2.42546219e-2);
  let r = f32x4.add(f32x4.mul(even, s), odd);
  r = step(r, t, -1.06777877e-1);
  r = step(r, t, -6.34846687e-1);
  r = step(r, t, -1.28717512e-1);
  return f32x4.sub(f32x4.mul(r, t), t);
}

/** erf(x) / x - 1 by x² for |x| <= 0.927734375. */
@inline
function erfRatio(s: v128): v128 {
  let r = step(s, f32x4.splat(-5.96761703e-4), 4.99119423e-3);
  r = step(r, s, -2.67681349e-2);
  r = step(r, s, 1.12819925e-1);
  r = step(r, s, -3.76125336e-1);
  return step(r, s, 1.28379166e-1);
}

const ERF_SPLIT: f32 = 0.927734375;

/**
 * Φ(x) = (1 + erf(x / √2)) / 2, from N. Juffa's minimax polynomials for erff. In the far branch the small tail comes
 * from exp itself, so that Φ of a negative x does not cancel.
 */
@inline
export function normalCdf(x: v128): v128 {
  const z = f32x4.mul(x, f32x4.splat(0.70710678118654752440));
  const t = v128.and(z, i32x4.splat(0x7fffffff));
  const half = f32x4.splat(0.5);
  const tail = f32x4.mul(half, exp(logErfc(t)));
  const far = v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), f32x4.lt(x, f32x4.splat(0)));
  const near = f32x4.add(half, f32x4.mul(half, f32x4.add(z, f32x4.mul(z, erfRatio(f32x4.mul(z, z))))));
  return v128.bitselect(far, near, f32x4.gt(t, f32x4.splat(ERF_SPLIT)));
}

/** tanh(x), relative error below 3e-7: Cephes' tanhf below 0.625, 1 - 2 / (e^2x + 1) above. */
@inline
export function tanhVector(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(0x80000000));
  const t = v128.and(x, i32x4.splat(0x7fffffff));
  const e = exp(f32x4.add(t, t));
  const far = f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), f32x4.add(e, f32x4.splat(1))));
  const s = f32x4.mul(x, x);
  let p = step(s, f32x4.splat(-5.70498872745e-3), 2.06390887954e-2);
  p = step(p, s, -5.37397155531e-2);
  p = step(p, s, 1.33314422036e-1);
  p = step(p, s, -3.33332819422e-1);
  const near = f32x4.add(x, f32x4.mul(x, f32x4.mul(s, p)));
  return v128.bitselect(v128.or(far, sign), near, f32x4.gt(t, f32x4.splat(0.625)));
}

/**
 * e^x of two float64 for x <= 0 (a softmax's shifted logits), relative error below 1e-13; below -708 it is 0. fdlibm's
 * two parts of ln 2, Taylor's series to degree 12 (the next term is 0.3466^13 / 13! = 2e-16).
 */
@inline
export function expDouble(x: v128): v128 {
  const low = f64x2.splat(-708);
  const clamped = f64x2.pmax(x, low);
  // 1.5 · 2^52: adding it rounds to an integer, which then stands in the lowest bits.
  const magic = f64x2.splat(6755399441055744);
  const shifted = f64x2.add(f64x2.mul(clamped, f64x2.splat(1.44269504088896338700)), magic);
  const n = f64x2.sub(shifted, magic);
  let r = f64x2.sub(clamped, f64x2.mul(n, f64x2.splat(6.93147180369123816490e-1)));
  r = f64x2.sub(r, f64x2.mul(n, f64x2.splat(1.90821492927058770002e-10)));
  let p = f64x2.splat(1.0 / 479001600.0);
  p = stepDouble(p, r, 1.0 / 39916800.0);
  p = stepDouble(p, r, 1.0 / 3628800.0);
  p = stepDouble(p, r, 1.0 / 362880.0);
  p = stepDouble(p, r, 1.0 / 40320.0);
  p = stepDouble(p, r, 1.0 / 5040.0);
  p = stepDouble(p, r, 1.0 / 720.0);
  p = stepDouble(p, r, 1.0 / 120.0);
  p = stepDouble(p, r, 1.0 / 24.0);
  p = stepDouble(p, r, 1.0 / 6.0);
  p = stepDouble(p, r, 0.5);
  p = stepDouble(p, r, 1.0);
  p = stepDouble(p, r, 1.0);
  return v128.andnot(i64x2.add(p, i64x2.shl(shifted, 52)), f64x2.lt(x, low));
}

@inline
function stepDouble(a: v128, b: v128, c: f64): v128 {
  return f64x2.add(f64x2.mul(a, b), f64x2.splat(c));
}
