// Sums in float64, in the order of the values: what a clustering of sorted values asks again and again.

/** out[i] = x[0] + ... + x[i - 1], for i = 0 .. length. */
export function prefixSums(out: usize, x: usize, length: usize): void {
  let sum: f64 = 0;
  store<f64>(out, sum);
  for (const end = x + (length << 2); x < end; x += 4) {
    sum += load<f32>(x);
    out += 8;
    store<f64>(out, sum);
  }
}

/** Σ (x - mean)². */
export function squaredDeviations(x: usize, length: usize, mean: f64): f64 {
  let a = f64x2.splat(0), b = f64x2.splat(0);
  const center = f64x2.splat(mean);
  for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
    const v = v128.load(x);
    const low = f64x2.sub(f64x2.promote_low_f32x4(v), center);
    const high = f64x2.sub(f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 0)), center);
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  a = f64x2.add(a, b);
  let sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
  for (const end = x + ((length & 3) << 2); x < end; x += 4) {
    const d = <f64>load<f32>(x) - mean;
    sum += d * d;
  }
  return sum;
}
