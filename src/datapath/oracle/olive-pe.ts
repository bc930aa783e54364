import type { ExponentInteger } from '../../formats/olive/index.ts';

/*
 * OliVe's processing element (ISCA 2023, section 4.4), an oracle: it multiplies exponent-integer pairs, <a, b> x <c, d> =
 * (b · d) << (a + c), and adds into an int32 accumulator. That accumulator holds one product at the 2^15 clip of 8-bit
 * outliers (2^30), and not two of one sign.
 */

export interface DotProduct {
  /** The accumulator: int32, wrapped around where it overflowed. */
  readonly sum: number;
  /** Additions that left the range of int32. */
  readonly overflows: number;
}

/** One product, exact. */
export function multiplyPairs(x: ExponentInteger, y: ExponentInteger): number {
  return x.integer * y.integer * 2 ** (x.exponent + y.exponent);
}

/** Products added in order, as a PE of the output-stationary array does. */
export function dotProduct(xs: readonly ExponentInteger[], ys: readonly ExponentInteger[]): DotProduct {
  let [sum, overflows] = [0, 0];
  for (const [i, x] of xs.entries()) {
    const exact = sum + multiplyPairs(x, ys[i]!);
    sum = exact | 0;
    if (sum !== exact) overflows++;
  }
  return { sum, overflows };
}

/**
 * An operand of 8 bits as two of the 4-bit PE's: b = 16 · high + low, with 0 <= low < 16, so that four PEs and their
 * common sum make an 8-bit product.
 */
export function splitOperand({
  exponent,
  integer,
}: ExponentInteger): [high: ExponentInteger, low: ExponentInteger] {
  const high = Math.floor(integer / 16);
  return [
    { exponent: exponent + 4, integer: high },
    { exponent, integer: integer - 16 * high },
  ];
}
