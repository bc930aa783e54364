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

/** The same rounded up, fractions of a bit kept to 2^-32: as much room as they take. */
export function bitsRoundedUp(elements: bigint, bitsPerElement: number): bigint {
  return ceilDivide(elements * BigInt(Math.round(bitsPerElement * 2 ** 32)), 1n << 32n);
}

/** Whole cycles that so many bits take. */
export function cyclesFor(bits: bigint, bitsPerCycle: number): bigint {
  const { numerator, shift } = dyadic(bitsPerCycle);
  return ceilDivide(bits << shift, numerator);
}

/** a / b, for shares. The sizes that a GEMM can have leave both far below a float64's largest value. */
export function ratio(a: bigint, b: bigint): number {
  return Number(a) / Number(b);
}

export function min(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

export function max(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}
