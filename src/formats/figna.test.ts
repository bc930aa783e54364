import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createKernels } from '../kernels/index.ts';
import { createFormat, findFormat, type TensorFormat } from './index.ts';

const kernels = await createKernels();
const { encode: toHalf, decode: fromHalf, max } = findFormat('float16').float!;

function elementsOf(format: TensorFormat, x: Float32Array, columns: number): { m: number[]; scale: number } {
  const mark = kernels.mark();
  const values = kernels.load(x);
  const fit = format.fit(kernels, values, columns);
  format.round(kernels, values, columns, fit, 'elements');
  const m = Array.from(values);
  kernels.release(mark);
  return { m, scale: fit.scales[0]! };
}

it.each([
  { mantissa: 13, elements: [7168, -3328, 1, 0, 0] },
  { mantissa: 11, elements: [1792, -832, 0, 0, 0] },
  { mantissa: 8, elements: [224, -104, 0, 0, 0] },
])('aligns to M = $mantissa by hand', ({ mantissa, elements }) => {
  // On the exponent 0 of 1.75 the step is 2^-(M - 1).
  const x = Float32Array.of(1.75, -0.8125, 2 ** -12, -(2 ** -13), -0);
  const { m, scale } = elementsOf(createFormat('figna', { mantissa }), x, 5);
  expect(scale).toBe(2 ** -(mantissa - 1));
  // toEqual tells -0 from 0: an integer has one zero.
  expect(m).toEqual(elements);
});

it('is 14-bit integers of 64 values as it stands', () => {
  const figna = createFormat('figna');
  expect(figna.settings).toEqual({ mantissa: 13 });
  expect(figna.granularity).toEqual({ group: 64 });
  expect(figna.largestInteger).toBe(8191);
  const x = new Float32Array(64).fill(1);
  const fit = { scales: Float32Array.of(2 ** -12) };
  expect(figna.pack(figna.encode(x, 64, fit), 64, fit).bits).toBe(64 * 14 + 5);
});

it('at M = 13 is exact up to two binades below the largest, and has the values of Anda', () => {
  const group = fc.array(
    fc
      .tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: -20, max: 17 }))
      .map(([value, exponent]) => Math.fround(value * 2 ** exponent)),
    { minLength: 1, maxLength: 64 },
  );
  fc.assert(
    fc.property(group, fc.integer({ min: 1, max: 16 }), (values, mantissa) => {
      const x = Float32Array.from(values);
      const { m, scale } = elementsOf(createFormat('figna', { mantissa }), x, x.length);
      const anda = elementsOf(createFormat('anda', { mantissa }), x, x.length);
      expect(scale).toBe(anda.scale);
      expect(m).toEqual(anda.m.map((element) => element + 0));
      const shared = scale * 2 ** (mantissa - 1);
      for (const [i, value] of values.entries()) {
        const half = fromHalf(toHalf(Math.min(Math.max(value, -max), max)));
        if (Math.abs(half) >= shared * 2 ** -(mantissa - 11)) expect(m[i]! * scale).toBe(half + 0);
      }
    }),
    { numRuns: 300 },
  );
});

it.each([2, 7, 13, 16])(
  'writes and reads every code of M = %i but the lowest, which is only read',
  (mantissa) => {
    const figna = createFormat('figna', { mantissa }, 'channel');
    const lowest = 2 ** mantissa;
    const codes = Uint32Array.from({ length: 2 * lowest }, (_, i) => i);
    const fit = { scales: Float32Array.of(1) };
    const elements = figna.decode(codes, codes.length, fit);
    expect(elements[lowest]).toBe(-lowest);
    expect(figna.unpack(figna.pack(codes, codes.length, fit), 1, codes.length).codes).toEqual(codes);
    if (mantissa > 11) return;
    codes[lowest] = lowest + 1;
    expect(figna.encode(elements, codes.length, fit)).toEqual(codes);
  },
);
