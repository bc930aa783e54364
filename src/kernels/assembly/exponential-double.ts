// exp of float64 vectors, for sums of probabilities.

const LOW = memory.data<f64>([-708]);
/** 1.5 · 2^52: adding it rounds to an integer, which then stands in the lowest bits. */
const MAGIC = memory.data<f64>([6755399441055744]);
const LOG2_E = memory.data<f64>([1.44269504088896338700]);
/** fdlibm's two parts of ln 2. */
const LN2_HIGH = memory.data<f64>([6.93147180369123816490e-1]);
const LN2_LOW = memory.data<f64>([1.90821492927058770002e-10]);
const ONE = memory.data<f64>([1]);
const OVER_2 = memory.data<f64>([0.5]);
const OVER_3 = memory.data<f64>([1.0 / 6.0]);
const OVER_4 = memory.data<f64>([1.0 / 24.0]);
const OVER_5 = memory.data<f64>([1.0 / 120.0]);
const OVER_6 = memory.data<f64>([1.0 / 720.0]);
const OVER_7 = memory.data<f64>([1.0 / 5040.0]);
const OVER_8 = memory.data<f64>([1.0 / 40320.0]);
const OVER_9 = memory.data<f64>([1.0 / 362880.0]);
const OVER_10 = memory.data<f64>([1.0 / 3628800.0]);
const OVER_11 = memory.data<f64>([1.0 / 39916800.0]);
const OVER_12 = memory.data<f64>([1.0 / 479001600.0]);

@inline
function constant(address: usize): v128 {
  return v128.load64_splat(address);
}

@inline
function step(a: v128, b: v128, c: usize): v128 {
  return f64x2.add(f64x2.mul(a, b), constant(c));
}

/**
 * e^x of two float64 for x <= 0 (a softmax's shifted logits), relative error below 1e-15; below -708 it is 0, NaN stays
 * NaN. x = n ln 2 + r, then Taylor's series to degree 12, whose next term is at most 0.3466^13 / 13! = 2e-16.
 */
@inline
export function expDouble(x: v128): v128 {
  const low = constant(LOW);
  const clamped = f64x2.pmax(x, low);
  const shifted = f64x2.add(f64x2.mul(clamped, constant(LOG2_E)), constant(MAGIC));
  const n = f64x2.sub(shifted, constant(MAGIC));
  let r = f64x2.sub(clamped, f64x2.mul(n, constant(LN2_HIGH)));
  r = f64x2.sub(r, f64x2.mul(n, constant(LN2_LOW)));
  let p = step(constant(OVER_12), r, OVER_11);
  p = step(p, r, OVER_10);
  p = step(p, r, OVER_9);
  p = step(p, r, OVER_8);
  p = step(p, r, OVER_7);
  p = step(p, r, OVER_6);
  p = step(p, r, OVER_5);
  p = step(p, r, OVER_4);
  p = step(p, r, OVER_3);
  p = step(p, r, OVER_2);
  p = step(p, r, ONE);
  p = step(p, r, ONE);
  return v128.andnot(i64x2.add(p, i64x2.shl(shifted, 52)), f64x2.lt(x, low));
}
