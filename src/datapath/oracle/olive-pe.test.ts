import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  decodePair,
  type ExponentInteger,
  elementOf,
  oliveCoding,
  type PairType,
} from '../../formats/olive/index.ts';
import { dotProduct, multiplyPairs, splitOperand } from './olive-pe.ts';

/** Operands as the decoders make them of any codes. */
function operands(type: PairType, codes: readonly number[]): ExponentInteger[] {
  const coding = oliveCoding(type, 'paper');
  const mask = 2 ** coding.type.bits - 1;
  const pairs: ExponentInteger[] = [];
  for (let i = 0; i + 1 < codes.length; i += 2)
    pairs.push(...decodePair(coding, codes[i]! & mask, codes[i + 1]! & mask));
  return pairs;
}

const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 2, maxLength: 300 });

it.each([
  ['int4', 'int4'],
  ['int4', 'flint4'],
  ['flint4', 'flint4'],
] as const)('%s x %s is the integer dot product of elements', (left, right) => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const length = Math.min(a.length, b.length) & ~1;
      const [xs, ys] = [operands(left, a.slice(0, length)), operands(right, b.slice(0, length))];
      const exact = xs.reduce((sum, x, i) => sum + BigInt(elementOf(x)) * BigInt(elementOf(ys[i]!)), 0n);
      expect(dotProduct(xs, ys)).toEqual({ sum: Number(exact), overflows: 0 });
    }),
  );
});

it('8 bits wrap around where the exact sum leaves int32, and say so', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const length = Math.min(a.length, b.length) & ~1;
      const [xs, ys] = [operands('int8', a.slice(0, length)), operands('int8', b.slice(0, length))];
      const exact = xs.reduce((sum, x, i) => sum + BigInt(elementOf(x)) * BigInt(elementOf(ys[i]!)), 0n);
      const { sum, overflows } = dotProduct(xs, ys);
      expect(sum).toBe(Number(BigInt.asIntN(32, exact)));
      if (BigInt.asIntN(32, exact) !== exact) expect(overflows).toBeGreaterThan(0);
    }),
  );
});

it('one product at the 2^15 clip fits, two do not', () => {
  const clip = operands('int8', [127, 128])[0]!;
  expect(elementOf(clip)).toBe(2 ** 15);
  expect(dotProduct([clip], [clip])).toEqual({ sum: 2 ** 30, overflows: 0 });
  expect(dotProduct([clip, clip], [clip, clip])).toEqual({ sum: -(2 ** 31), overflows: 1 });
  const negative = { ...clip, integer: -clip.integer };
  expect(dotProduct([clip, clip], [clip, negative])).toEqual({ sum: 0, overflows: 0 });
  // -2^31 itself is an int32.
  expect(dotProduct([clip, clip], [negative, negative])).toEqual({ sum: -(2 ** 31), overflows: 0 });
  expect(dotProduct([clip, clip, clip], [negative, negative, negative])).toEqual({
    sum: 2 ** 30,
    overflows: 1,
  });
});

it('is (b · d) << (a + c)', () => {
  expect(multiplyPairs({ exponent: 4, integer: 3 }, { exponent: 1, integer: -2 })).toBe((3 * -2) << (4 + 1));
});

it('four 4-bit products make an 8-bit one', () => {
  const all = operands(
    'int8',
    Array.from({ length: 512 }, (_, i) => (i % 2 ? 128 : i >> 1)),
  ).filter((_, i) => i % 2 === 0);
  const normal = operands(
    'int8',
    Array.from({ length: 256 }, (_, i) => (i === 128 ? 0 : i)),
  );
  for (const x of [...all, ...normal]) {
    const halves = splitOperand(x);
    for (const { integer } of halves) expect(integer >= -8 && integer <= 15).toBe(true);
    for (const y of [all[5]!, all[200]!, normal[3]!, normal[131]!]) {
      const parts = halves.flatMap((half) => splitOperand(y).map((other) => multiplyPairs(half, other)));
      expect(parts).toHaveLength(4);
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(elementOf(x) * elementOf(y) + 0);
    }
  }
});
