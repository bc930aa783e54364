import type { AndaGroup } from '../../formats/anda-compressor.ts';

/** A dot product of one group: value = accumulator · scale, exact in float64. */
export interface GroupDot {
  /** Σ ±m · w, an integer. */
  accumulator: number;
  /** 2^(E - 15 - (M - 1)); the weights' own scale comes after it. */
  scale: number;
}

/**
 * Anda's processing unit on one group (HPCA 2025), bit by bit: signs and exponent are latched, then every
 * cycle takes one mantissa plane, most significant first. A set bit sends the element's signed weight into an integer
 * adder tree, a clear one sends 0; the accumulator doubles and takes the sum: acc = (acc << 1) + psum. The scale comes
 * last. A slow oracle in safe integers: M = 16, 64 elements and weights of -8 need 26 bits.
 *
 * @param weights integers (int4: -8 .. 7), one an element
 */
export function apuDot({ exponent, signs, planes }: AndaGroup, weights: readonly number[]): GroupDot {
  const bit = (word: bigint, i: number) => ((word >> BigInt(i)) & 1n) === 1n;
  const signed = weights.map((weight, i) => (bit(signs, i) ? 0 - weight : weight));
  let accumulator = 0;
  for (const plane of planes) {
    const psum = adderTree(signed.map((weight, i) => (bit(plane, i) ? weight : 0)));
    accumulator = accumulator * 2 + psum;
  }
  return { accumulator, scale: 2 ** (Math.max(exponent, 1) - 15 - (planes.length - 1)) };
}

/** Sums neighbours, then the sums, until one is left. */
function adderTree(level: readonly number[]): number {
  if (level.length <= 1) return level[0] ?? 0;
  const next = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => {
    return level[2 * i]! + (level[2 * i + 1] ?? 0);
  });
  return adderTree(next);
}
