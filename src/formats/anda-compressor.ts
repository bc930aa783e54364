import { halfFields } from './half-alignment.ts';

/** A group as Anda's buffers hold it. Bit i of a word belongs to element i. */
export interface AndaGroup {
  /** 1..30; 5 bits. */
  exponent: number;
  signs: bigint;
  /** One word a mantissa bit, the most significant first. */
  planes: bigint[];
}

/**
 * Anda's run-time bit-plane compressor on a group (HPCA 2025): a slow oracle, cycle by cycle, of what its
 * lanes do. The field extractor latches signs, significands and each element's distance to the largest exponent. Then
 * every cycle emits one plane: an element whose distance is not yet used up emits 0 and counts it down, any other emits
 * the top bit of its significand and shifts. After `mantissa` planes it stops, and what is left of the significands is
 * cut off.
 */
export function compressAndaGroup(values: ArrayLike<number>, mantissa: number): AndaGroup {
  const fields = Array.from(values, halfFields);
  const exponent = Math.max(1, ...fields.map((field) => field.exponent));
  const distances = fields.map((field) => exponent - field.exponent);
  const significands = fields.map((field) => field.significand);
  const planes = Array.from({ length: mantissa }, () =>
    wordOf(
      fields.map((_, i) => {
        if (distances[i]! > 0) {
          distances[i]!--;
          return false;
        }
        const top = significands[i]! >= 1024;
        significands[i] = (significands[i]! * 2) % 2048;
        return top;
      }),
    ),
  );
  return { exponent, signs: wordOf(fields.map(({ negative }) => negative)), planes };
}

function wordOf(bits: readonly boolean[]): bigint {
  return bits.reduce((word, bit, i) => (bit ? word | (1n << BigInt(i)) : word), 0n);
}
