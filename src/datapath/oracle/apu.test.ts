import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAndaGroup } from '../../formats/anda.ts';
import { compressAndaGroup } from '../../formats/anda-compressor.ts';
import { createFormat } from '../../formats/index.ts';
import { createKernels } from '../../kernels/index.ts';
import { apuDot } from './apu.ts';

const kernels = await createKernels();

const groups = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.double({ min: -4, max: 4, noNaN: true }) },
      { weight: 1, arbitrary: fc.double({ min: -66000, max: 66000, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(0, -0, 2 ** -24, -(2 ** -15), 65504) },
    ),
    fc.integer({ min: -8, max: 7 }),
  ),
  { minLength: 1, maxLength: 64 },
);

it('takes plane by plane what the elements of the format give', () => {
  fc.assert(
    fc.property(groups, fc.integer({ min: 1, max: 16 }), (pairs, mantissa) => {
      const x = Float32Array.from(pairs, ([value]) => value);
      const weights = pairs.map(([, weight]) => weight);
      const format = createFormat('anda', { mantissa });
      const mark = kernels.mark();
      const values = kernels.load(x);
      const fit = format.fit(kernels, values, x.length);
      format.round(kernels, values, x.length, fit, 'elements');
      const elements = Array.from(values);
      kernels.release(mark);

      // BigInt, so that nothing is shared with the sums of the unit.
      const expected = elements.reduce((sum, m, i) => sum + BigInt(m) * BigInt(weights[i]!), 0n);
      const packed = format.pack(format.encode(x, x.length, fit), x.length, fit);
      for (const group of [compressAndaGroup(x, mantissa), readAndaGroup(packed, 0, format)]) {
        const { accumulator, scale } = apuDot(group, weights);
        expect(BigInt(accumulator)).toBe(expected);
        expect(scale).toBe(fit.scales[0]);
      }
    }),
    { numRuns: 500 },
  );
});

it('fits 26 bits where it is largest', () => {
  const group = { exponent: 30, signs: 0n, planes: Array.from({ length: 16 }, () => 2n ** 64n - 1n) };
  const { accumulator } = apuDot(group, new Array(64).fill(-8));
  expect(accumulator).toBe(-64 * 8 * (2 ** 16 - 1));
  expect(accumulator).toBeGreaterThanOrEqual(-(2 ** 25));
});
