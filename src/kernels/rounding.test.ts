import { describe, expect, test } from 'vitest';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();

const formats = [
  { name: 'float16', round: 'roundFloat16', widen: 'widenFloat16', exponent: 5, mantissa: 10 },
  { name: 'bfloat16', round: 'roundBfloat16', widen: 'widenBfloat16', exponent: 8, mantissa: 7 },
] as const;

const WORDS = Uint16Array.from({ length: 65_536 }, (_, word) => word);

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function run(x: Float32Array, work: (x: Float32Array) => void): Float32Array {
  const mark = kernels.mark();
  const copy = kernels.load(x);
  work(copy);
  const result = Float32Array.from(copy);
  kernels.release(mark);
  return result;
}

/** Where two arrays differ in a value or a sign of zero; all NaN are alike. */
function differences(found: Float32Array, expected: ArrayLike<number>): number[] {
  return Array.from(found.keys()).filter((i) => !Object.is(found[i], expected[i]));
}

describe.each(formats)('$name', ({ name, round, widen, exponent, mantissa }) => {
  const decoded = Float32Array.from(WORDS, (word) => oracle.decodeFloat(word, exponent, mantissa));

  test('widens all 65,536 words exactly', () => {
    const mark = kernels.mark();
    // At an odd address, as tensors in files may be.
    const from = kernels.bytes(2 * WORDS.length + 1).subarray(1);
    from.set(new Uint8Array(WORDS.buffer));
    const out = kernels.floats(WORDS.length);
    kernels[widen](out, from);
    expect(differences(out, decoded)).toEqual([]);
    for (let length = 0; length < 9; length++) {
      const part = kernels.floats(length);
      kernels[widen](part, from.subarray(200, 200 + 2 * length));
      expect(Array.from(part)).toEqual(Array.from(decoded.subarray(100, 100 + length)));
    }
    kernels.release(mark);
  });

  test('leaves all its values as they are', () => {
    expect(
      differences(
        run(decoded, (x) => kernels[round](x)),
        decoded,
      ),
    ).toEqual([]);
  });

  test('rounds ties and their float32 neighbours, at every value', () => {
    const values: number[] = [];
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    for (let word = 0; word < 32_767; word++) {
      const [low, high] = [decoded[word], decoded[word + 1]];
      if (!(Number.isFinite(low) && Number.isFinite(high))) continue;
      float[0] = (low + high) / 2;
      // Half the smallest bfloat16 is a float32 still, but its quarter is not looked for.
      for (const step of [-1, 0, 1]) {
        bits[0] += step;
        values.push(float[0], -float[0]);
        bits[0] -= step;
      }
    }
    const x = Float32Array.from(values);
    const expected = values.map(oracle.roundings[name]);
    expect(
      differences(
        run(x, (y) => kernels[round](y)),
        expected,
      ),
    ).toEqual([]);
  });
});

const extremes = Float32Array.of(
  ...[0, 2 ** -149, 2 ** -126, 2 ** -127, 2 ** -25, 2 ** -24, 1.5 * 2 ** -25, 2 ** -14, 2 ** -14 - 2 ** -26],
  ...[
    65504,
    65519.99,
    65520,
    65536,
    (2 - 2 ** -23) * 2 ** 127,
    (2 - 2 ** -8) * 2 ** 127,
    (2 - 2 ** -7) * 2 ** 127,
  ],
  ...[1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 - 2 ** -20, Number.POSITIVE_INFINITY, 6.1e-5, 1e-8, 1e-40],
);

test.each([
  { name: 'float16', round: 'roundFloat16' },
  { name: 'bfloat16', round: 'roundBfloat16' },
  { name: 'tf32', round: 'roundTf32' },
] as const)('$name of extremes and of 100,000 random bit patterns', ({ name, round }) => {
  const random = new Float32Array(Uint32Array.from(oracle.sampleIntegers(100_000, 7, 0, 2 ** 32 - 1)).buffer);
  const x = Float32Array.of(...extremes, ...extremes.map((value) => -value));
  for (const values of [x, random]) {
    const expected = Array.from(values, oracle.roundings[name]);
    expect(
      differences(
        run(values, (y) => kernels[round](y)),
        expected,
      ),
    ).toEqual([]);
  }
});

test.each(['roundFloat16', 'roundBfloat16', 'roundTf32'] as const)('%s keeps every NaN a NaN', (round) => {
  const patterns = [0x7f800001, 0x7fffffff, 0xffffffff, 0xff800001, 0x7fc00000, 0x7fbfffff, 0x7f801000];
  const x = new Float32Array(Uint32Array.from(patterns).buffer);
  const mark = kernels.mark();
  const copy = kernels.load(x);
  bitsOf(copy).set(patterns);
  kernels[round](copy);
  expect(Array.from(copy).every(Number.isNaN)).toBe(true);
  kernels.release(mark);
});

test('tails of any length', () => {
  const x = oracle.sample(23, 1);
  const all = run(x, (y) => kernels.roundFloat16(y));
  for (let length = 0; length < x.length; length++) {
    expect(run(x.slice(0, length), (y) => kernels.roundFloat16(y))).toEqual(all.slice(0, length));
  }
});
