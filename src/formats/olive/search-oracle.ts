import type { OliveCoding } from './coding.ts';
import { decodePair } from './decoder.ts';
import { elementOf } from './exponent-integer.ts';
import { encodePair } from './pairs.ts';

/*
 * The scale search without kernels: codes are made and read for every candidate. What the fast path must equal bit for
 * bit, sums included; for tests.
 */

/** Sum in float64: every fourth value apart, then (0 + 2) + (1 + 3), then the up to three values left, in order. */
function orderedSum(values: readonly number[]): number {
  const lanes: [number, number, number, number] = [0, 0, 0, 0];
  const body = values.length - (values.length % 4);
  for (const [i, value] of values.slice(0, body).entries()) lanes[i % 4]! += value;
  const sum = lanes[0] + lanes[2] + (lanes[1] + lanes[3]);
  return values.slice(body).reduce((all, value) => all + value, sum);
}

/** max(|μ + 3σ|, |μ - 3σ|), unbiased, 0 for σ of a single value. */
export function threeSigmaOracle(values: readonly number[]): number {
  const mean = orderedSum(values) / values.length;
  const squares = orderedSum(values.map((x) => (x - mean) * (x - mean)));
  const spread = values.length > 1 ? 3 * Math.sqrt(squares / (values.length - 1)) : 0;
  return Math.fround(Math.max(Math.abs(mean + spread), Math.abs(mean - spread)));
}

/** Squared error of a row with a scale: product and difference in float32, squares in float64. */
export function rowErrorOracle(coding: OliveCoding, row: readonly number[], scale: number): number {
  const squares: number[] = [];
  for (let i = 0; i < row.length; i += 2) {
    const quotients = row.slice(i, i + 2).map((x) => Math.fround(x / scale));
    const [left, right] = encodePair(coding, quotients[0]!, quotients[1]);
    const elements = decodePair(coding, left, right ?? 0).map(elementOf);
    for (const j of quotients.keys()) {
      const difference = Math.fround(row[i + j]! - Math.fround(elements[j]! * scale));
      squares.push(difference * difference);
    }
  }
  return orderedSum(squares);
}

/** The scale of rows that share one, and its error: errors of the rows are added in order. */
export function searchOracle(
  coding: OliveCoding,
  rows: readonly (readonly number[])[],
): { scale: number; error: number } {
  const base = threeSigmaOracle(rows.flat());
  let best = { scale: Math.fround(base / coding.largest) || 1, error: Number.POSITIVE_INFINITY };
  for (let percent = 75; percent < 250; percent += 2) {
    const alpha = Math.fround(base * Math.fround(percent / 100));
    const scale = Math.fround(alpha / coding.largest) || 1;
    const error = rows.reduce((sum, row) => sum + rowErrorOracle(coding, row, scale), 0);
    if (error < best.error) best = { scale, error };
  }
  return best;
}
