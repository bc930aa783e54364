import { type ExponentInteger, ZERO } from './exponent-integer.ts';

/*
 * The normal values of a pair (OliVe, ISCA 2023, section 3.2 and Table 3): types with one code to spare, the identifier
 * of a victim.
 *
 * int4    -7 .. 7 in two's complement, identifier 1000
 * int8    -127 .. 127 in two's complement, identifier 1000 0000
 * flint4  sign and 000=0 001=1 010=2 011=3 110=4 111=6 101=8 100=16 (ANT, MICRO 2022); identifier 1000, that is -0
 *
 * rounding    to nearest; ties to the magnitude of even rank, counted from 0: for integers that is half to even
 * saturation  at the largest magnitude
 */
export interface NormalType {
  readonly name: 'int' | 'flint';
  readonly bits: 4 | 8;
  /** All magnitudes, ascending from 0. */
  readonly magnitudes: readonly number[];
  /** The code of magnitude number `rank`. */
  encode(rank: number, negative: boolean): number;
  /** Of every code but the identifier. */
  decode(code: number): ExponentInteger;
}

/** The code that a victim has. */
export const identifierOf = ({ bits }: NormalType): number => 2 ** (bits - 1);

export const largestOf = ({ magnitudes }: NormalType): number => magnitudes.at(-1)!;

function integers(bits: 4 | 8): NormalType {
  return {
    name: 'int',
    bits,
    magnitudes: Array.from({ length: 2 ** (bits - 1) }, (_, magnitude) => magnitude),
    encode: (rank, negative) => (negative && rank > 0 ? 2 ** bits - rank : rank),
    decode: (code) => ({ exponent: 0, integer: code < 2 ** (bits - 1) ? code : code - 2 ** bits }),
  };
}

export const INT4 = integers(4);
export const INT8 = integers(8);

/** Magnitude codes of flint4 in ascending order, and what the decoder makes of each: at most two bits of integer. */
const FLINT4_CODES = [0b000, 0b001, 0b010, 0b011, 0b110, 0b111, 0b101, 0b100];
const FLINT4_MAGNITUDES: readonly ExponentInteger[] = [
  ZERO,
  { exponent: 0, integer: 1 },
  { exponent: 0, integer: 2 },
  { exponent: 0, integer: 3 },
  { exponent: 1, integer: 2 },
  { exponent: 1, integer: 3 },
  { exponent: 2, integer: 2 },
  { exponent: 3, integer: 2 },
];

export const FLINT4: NormalType = {
  name: 'flint',
  bits: 4,
  magnitudes: FLINT4_MAGNITUDES.map(({ exponent, integer }) => integer * 2 ** exponent),
  encode: (rank, negative) => FLINT4_CODES[rank]! + (negative && rank > 0 ? 8 : 0),
  decode: (code) => {
    const { exponent, integer } = FLINT4_MAGNITUDES[FLINT4_CODES.indexOf(code & 7)]!;
    return { exponent, integer: code & 8 && integer > 0 ? -integer : integer };
  },
};

/** The rank of the magnitude nearest to one, which may be infinite. */
export function nearestRank({ magnitudes }: NormalType, magnitude: number): number {
  let best = magnitudes.length - 1;
  if (magnitude >= magnitudes[best]!) return best;
  for (let rank = best - 1; rank >= 0; rank--) {
    const [distance, shortest] = [
      Math.abs(magnitude - magnitudes[rank]!),
      Math.abs(magnitude - magnitudes[best]!),
    ];
    if (distance < shortest || (distance === shortest && rank % 2 === 0)) best = rank;
  }
  return best;
}
