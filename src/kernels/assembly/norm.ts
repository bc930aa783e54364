import { loadPart, partMask, storePart, sumLanes } from './vector';

// Normalisation of rows. Sums are kept in 16 partial sums, which loses less than one running float32 sum would.

/** Sum of `columns` floats at `x`. */
function sum(x: usize, columns: usize): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const end = x + ((columns & ~15) << 2);
  for (; x < end; x += 64) {
    s0 = f32x4.add(s0, v128.load(x));
    s1 = f32x4.add(s1, v128.load(x, 16));
    s2 = f32x4.add(s2, v128.load(x, 32));
    s3 = f32x4.add(s3, v128.load(x, 48));
  }
  for (let rest = columns & 15; rest > 0; x += 16) {
    s0 = f32x4.add(s0, rest < 4 ? loadPart(x, rest) : v128.load(x));
    rest = rest < 4 ? 0 : rest - 4;
  }
  return sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

@inline
function squareDeviation(v: v128, mean: v128): v128 {
  const d = f32x4.sub(v, mean);
  return f32x4.mul(d, d);
}

/** Sum of (x - mean)². */
function sumSquares(x: usize, columns: usize, mean: v128): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  const end = x + ((columns & ~15) << 2);
  for (; x < end; x += 64) {
    s0 = f32x4.add(s0, squareDeviation(v128.load(x), mean));
    s1 = f32x4.add(s1, squareDeviation(v128.load(x, 16), mean));
    s2 = f32x4.add(s2, squareDeviation(v128.load(x, 32), mean));
    s3 = f32x4.add(s3, squareDeviation(v128.load(x, 48), mean));
  }
  for (let rest = columns & 15; rest > 0; x += 16) {
    const v = rest < 4 ? loadPart(x, rest) : v128.load(x);
    s0 = f32x4.add(s0, v128.and(squareDeviation(v, mean), partMask(rest)));
    rest = rest < 4 ? 0 : rest - 4;
  }
  return sumLanes(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
}

@inline
function normalised(v: v128, mean: v128, factor: v128, gain: v128, bias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(v, mean), factor), gain), bias);
}

export function layerNorm(
  out: usize, x: usize, gain: usize, bias: usize, rows: usize, columns: usize, epsilon: f32,
): void {
  const whole = (columns & ~3) << 2;
  const rest = columns & 3;
  for (let r: usize = 0; r < rows; r++, x += columns << 2, out += columns << 2) {
    const mean = f32x4.splat(sum(x, columns) / <f32>columns);
    const variance = sumSquares(x, columns, mean) / <f32>columns;
    const factor = f32x4.splat(<f32>1 / sqrt<f32>(variance + epsilon));
    for (let i: usize = 0; i < whole; i += 16) {
      v128.store(out + i, normalised(v128.load(x + i), mean, factor, v128.load(gain + i), v128.load(bias + i)));
    }
    if (rest) {
      const v = loadPart(x + whole, rest);
      const scaled = normalised(v, mean, factor, loadPart(gain + whole, rest), loadPart(bias + whole, rest));
      storePart(out + whole, scaled, rest);
    }
  }
}

export function rmsNorm(out: usize, x: usize, gain: usize, rows: usize, columns: usize, epsilon: f32): void {
  const whole = (columns & ~3) << 2;
  const rest = columns & 3;
  for (let r: usize = 0; r < rows; r++, x += columns << 2, out += columns << 2) {
    const meanSquare = sumSquares(x, columns, f32x4.splat(0)) / <f32>columns;
    const factor = f32x4.splat(<f32>1 / sqrt<f32>(meanSquare + epsilon));
    for (let i: usize = 0; i < whole; i += 16) {
      v128.store(out + i, f32x4.mul(f32x4.mul(v128.load(x + i), factor), v128.load(gain + i)));
    }
    if (rest) {
      const v = f32x4.mul(f32x4.mul(loadPart(x + whole, rest), factor), loadPart(gain + whole, rest));
      storePart(out + whole, v, rest);
    }
  }
}
