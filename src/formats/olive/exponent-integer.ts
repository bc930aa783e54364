/** What OliVe's decoders hand to the multipliers: integer · 2^exponent. The integer has the sign. */
export interface ExponentInteger {
  readonly exponent: number;
  readonly integer: number;
}

export const ZERO: ExponentInteger = { exponent: 0, integer: 0 };

/** The element that a pair stands for, an integer in units of the scale. */
export function elementOf({ exponent, integer }: ExponentInteger): number {
  return integer * 2 ** exponent;
}
