/** Exact arithmetic of counts: bigint, with the bits of an element and of a cycle as the fractions that the numbers are. */

export function ceilDivide(numerator: bigint, denominator: bigint): bigint {
  return (numerator + denominator - 1n) / denominator;
}

/** A positive finite number as numerator / 2^shift, exactly: every float64 is such a fraction. */
interface Dyadic {
  numerator: bigint;
  shift: bigint;
}

function dyadic(value: number): Dyadic {
  let shift = 0;
  let scaled = value;
  // Doubling is exact, and ends: a float64 has at most 1074 places after the binary point.
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return { numerator: BigInt(scaled), shift: BigInt(shift) };
}

/** Bits of so many elements, to the nearest: with scales shared by a group, an element has a fraction of a bit. */
export function bitsOf(elements: bigint, bitsPerElement: number): bigint {
  if (Number.isInteger(bitsPerElement)) return elements * BigInt(bitsPerElement);
  const { numerator, shift } = dyadic(bitsPerElement);
  return (elements * numerator + (1n << (shift - 1n))) >> shift;
}

/** Whole cycles that so many bits take. */
export function cyclesFor(bits: bigint, bitsPerCycle: number): bigint {
  const { numerator, shift } = dyadic(bitsPerCycle);
  return ceilDivide(bits << shift, numerator);
}

/** a / b as a number, for shares: exact to float64 however large both are. */
export function ratio(a: bigint, b: bigint): number {
  const left = Number(a);
  const right = Number(b);
  if (Number.isFinite(left) && Number.isFinite(right)) return left / right;
  // Beyond 1.8e308 both lose the same low bits, of which a float64 keeps none.
  const excess = BigInt(b.toString(2).length - 1000);
  return Number(a >> excess) / Number(b >> excess);
}

export function min(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

export function max(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}
