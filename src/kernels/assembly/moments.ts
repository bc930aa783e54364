/**
 * out [rows, groups] = max(|μ + 3σ|, |μ - 3σ|) of each group, σ with n - 1 (0 of a single value), at most the largest
 * float32. In float64, in two passes; sums of every fourth value apart, then (0 + 2) + (1 + 3), then the tail in its
 * order.
 */
export function groupThreeSigma(out: usize, x: usize, rows: usize, columns: usize, group: usize): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, out += 4) {
      const length = min(group, columns - c);
      const mean = centred(x, length, 0, false) / <f64>length;
      const squares = length > 1 ? centred(x, length, mean, true) / <f64>(length - 1) : 0;
      const spread = 3 * sqrt(squares);
      store<f32>(out, <f32>min(max(abs(mean + spread), abs(mean - spread)), <f64>f32.MAX_VALUE));
      x += length << 2;
    }
  }
}

/** Σ (x - mean), or of its squares. */
function centred(x: usize, length: usize, mean: f64, squared: bool): f64 {
  const centre = f64x2.splat(mean);
  let a = f64x2.splat(0), b = f64x2.splat(0);
  for (const end = x + ((length & ~3) << 2); x < end; x += 16) {
    const v = v128.load(x);
    const low = f64x2.sub(f64x2.promote_low_f32x4(v), centre);
    const high = f64x2.sub(f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 0)), centre);
    a = f64x2.add(a, squared ? f64x2.mul(low, low) : low);
    b = f64x2.add(b, squared ? f64x2.mul(high, high) : high);
  }
  a = f64x2.add(a, b);
  let sum = f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
  for (const end = x + ((length & 3) << 2); x < end; x += 4) {
    const d = <f64>load<f32>(x) - mean;
    sum += squared ? d * d : d;
  }
  return sum;
}
