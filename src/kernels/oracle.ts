/**
 * The kernels once more: slow, obvious, in float64. Only tests use it.
 *
 * Matrices are arrays of rows here, so that no index arithmetic is shared with what is tested.
 */

export type Rows = number[][];

export function toRows(values: ArrayLike<number>, columns: number): Rows {
  const all = Array.from(values);
  return Array.from({ length: columns === 0 ? 0 : all.length / columns }, (_, r) =>
    all.slice(r * columns, (r + 1) * columns),
  );
}

export function transpose(x: Rows, columns: number): Rows {
  return Array.from({ length: columns }, (_, c) => x.map((row) => row[c]));
}

export function product(a: Rows, b: Rows, columns: number): Rows {
  const turned = transpose(b, columns);
  return a.map((row) => turned.map((column) => sum(row.map((value, i) => value * column[i]))));
}

export function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function layerNorm(x: Rows, gain: number[], bias: number[], epsilon: number): Rows {
  return x.map((row) => {
    const mean = sum(row) / row.length;
    const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
    return row.map((value, c) => ((value - mean) / Math.sqrt(variance + epsilon)) * gain[c] + bias[c]);
  });
}

export function rmsNorm(x: Rows, gain: number[], epsilon: number): Rows {
  return x.map((row) => {
    const meanSquare = sum(row.map((value) => value ** 2)) / row.length;
    return row.map((value, c) => (value / Math.sqrt(meanSquare + epsilon)) * gain[c]);
  });
}

/** 1 - erf(z), by its Taylor series near 0 and Laplace's continued fraction far from it. */
export function erfc(z: number): number {
  if (z < 0) return 2 - erfc(-z);
  if (z < 2) {
    let term = z;
    let total = z;
    for (let n = 1; n < 80; n++) {
      term *= (-z * z) / n;
      total += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * total;
  }
  let fraction = z;
  for (let n = 120; n > 0; n--) fraction = z + n / 2 / fraction;
  return Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction);
}

export const activations = {
  relu: (x: number) => Math.max(x, 0),
  gelu: (x: number) => (x / 2) * erfc(-x / Math.SQRT2),
  geluTanh: (x: number) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  tanh: (x: number) => Math.tanh(x),
  silu: (x: number) => x / (1 + Math.exp(-x)),
};

export function softmax(
  x: Rows,
  options: { scale: number; slope: number; first: number; period: number; window: number },
): Rows {
  return x.map((row, r) => {
    const position = options.first + (r % options.period);
    const logits = row.map((value, c) =>
      c <= position && c > position - options.window
        ? value * options.scale + options.slope * c
        : Number.NEGATIVE_INFINITY,
    );
    const largest = Math.max(...logits);
    const powers = logits.map((value) =>
      value === Number.NEGATIVE_INFINITY ? 0 : Math.exp(value - largest),
    );
    const total = sum(powers);
    return powers.map((power) => (total === 0 ? 0 : power / total));
  });
}

export function logSumExp(row: number[]): number {
  const largest = Math.max(...row);
  return largest + Math.log(sum(row.map((value) => Math.exp(value - largest))));
}

/** Σ P log(P / Q) of the softmaxes of two rows. */
export function divergence(p: number[], q: number[]): number {
  const [pTotal, qTotal] = [logSumExp(p), logSumExp(q)];
  return sum(p.map((value, i) => Math.exp(value - pTotal) * (value - pTotal - (q[i] - qTotal))));
}

/** Turns (x[i], x[i + half]) of each head by the row's angle i. */
export function rope(x: Rows, cosine: Rows, sine: Rows, heads: number, headSize: number): Rows {
  return x.map((row, r) => {
    const half = cosine[r].length;
    const out = [...row];
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < half; i++) {
        const [at, pair] = [h * headSize + i, h * headSize + i + half];
        out[at] = row[at] * cosine[r][i] - row[pair] * sine[r][i];
        out[pair] = row[pair] * cosine[r][i] + row[at] * sine[r][i];
      }
    }
    return out;
  });
}

/** To the nearest integer, ties to even. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * x to the nearest number with `mantissa` stored bits and exponents from `lowest` (subnormals have its step) to
 * `highest`; beyond them infinity.
 */
export function roundFloat(x: number, mantissa: number, lowest: number, highest: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const exponent = Math.max(exponentOf(Math.abs(x)), lowest);
  const unit = 2 ** (exponent - mantissa);
  const rounded = roundHalfEven(x / unit) * unit;
  if (Math.abs(rounded) >= 2 ** (highest + 1)) return rounded * Number.POSITIVE_INFINITY;
  return rounded === 0 ? 0 * x : rounded;
}

/** e with 2^e <= x < 2^(e + 1). */
function exponentOf(x: number): number {
  let e = Math.floor(Math.log2(x));
  while (2 ** e > x) e--;
  while (2 ** (e + 1) <= x) e++;
  return e;
}

export const roundings = {
  float16: (x: number) => roundFloat(x, 10, -14, 15),
  bfloat16: (x: number) => roundFloat(x, 7, -126, 127),
  tf32: (x: number) => roundFloat(x, 10, -126, 127),
};

/** The number that a word of 1 sign, `exponent` and `mantissa` bits stands for, as IEEE 754 interprets it. */
export function decodeFloat(word: number, exponent: number, mantissa: number): number {
  const sign = word >> (exponent + mantissa) ? -1 : 1;
  const e = (word >> mantissa) % 2 ** exponent;
  const fraction = (word % 2 ** mantissa) / 2 ** mantissa;
  const bias = 2 ** (exponent - 1) - 1;
  if (e === 2 ** exponent - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return e === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (e - bias);
}

/** clamp(round-half-even(x / scale), -127, 127) where the quotient is a float32; NaN gives 0. */
export function quantize(x: number, scale: number): number {
  const quotient = Math.fround(x / scale);
  if (Number.isNaN(quotient)) return 0;
  return Math.min(127, Math.max(-127, Number.isFinite(quotient) ? roundHalfEven(quotient) : quotient));
}

/** max(max |x|, 1e-5) / 127 in float32. */
export function rowScale(row: number[]): number {
  const largest = Math.max(Math.fround(1e-5), ...row.map(Math.abs));
  return Math.fround(largest / 127);
}

/** Float32 numbers of a fixed sequence, in [-scale, scale]. */
export function sample(length: number, seed: number, scale = 1): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * scale;
  });
}

/** Integers of a fixed sequence, from `low` to `high`. */
export function sampleIntegers(length: number, seed: number, low: number, high: number): number[] {
  return Array.from(sample(length, seed), (x) => low + Math.floor(((x + 1) / 2.0001) * (high - low + 1)));
}
