import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();

function withStack<T>(work: () => T): T {
  const mark = kernels.mark();
  try {
    return work();
  } finally {
    kernels.release(mark);
  }
}

describe('softmax', () => {
  const masks = fc.record({
    scale: fc.constantFrom(1, 0.125, 3),
    slope: fc.constantFrom(0, 0.5, -0.25),
    first: fc.integer({ min: 0, max: 50 }),
    period: fc.integer({ min: 1, max: 9 }),
    window: fc.constantFrom(1, 2, 7, Number.POSITIVE_INFINITY),
  });

  test('agrees with the oracle over periods, windows and slopes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 60 }),
        masks,
        (rows, columns, options) => {
          const x = oracle.sample(rows * columns, columns, 5);
          const found = withStack(() => {
            const scores = kernels.load(x);
            kernels.softmax(scores, columns, options);
            return Float32Array.from(scores);
          });
          const expected = oracle.softmax(oracle.toRows(x, columns), options).flat();
          found.forEach((value, i) => {
            if (expected[i] === 0) expect(value).toBe(0);
            else expect(Math.abs(value - expected[i])).toBeLessThan(1e-5 * expected[i] + 1e-12);
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('masked columns have no influence, NaN included', () => {
    withStack(() => {
      const [columns, first] = [13, 5];
      const x = oracle.sample(columns, 1, 4);
      const short = kernels.load(x.slice(0, first + 1));
      kernels.softmax(short, first + 1, { scale: 0.5, first, period: 1 });
      const long = kernels.load(x).fill(Number.NaN, first + 1);
      kernels.softmax(long, columns, { scale: 0.5, first, period: 1 });
      expect(Array.from(long)).toEqual([...short, 0, 0, 0, 0, 0, 0, 0]);
    });
  });

  test('large scores, infinities and NaN', () => {
    withStack(() => {
      const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
      const all = { scale: 1, first: 2, period: 1 };
      const run = (...values: number[]) => {
        const x = kernels.load(Float32Array.from(values));
        kernels.softmax(x, values.length, all);
        return Array.from(x);
      };
      expect(run(3e38, 3e38, -3e38)).toEqual([0.5, 0.5, 0]);
      expect(run(-infinity, 0, -infinity)).toEqual([0, 1, 0]);
      expect(run(0, nan, 0)).toEqual([nan, nan, nan]);
      expect(run(-infinity, -infinity, -infinity)).toEqual([nan, nan, nan]);
    });
  });
});

test('rope turns pairs of a head, and leaves the rest of it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 2, max: 21 }),
      fc.integer({ min: 0, max: 21 }),
      (rows, heads, headSize, wanted) => {
        const half = Math.min(wanted, headSize >> 1);
        const x = oracle.sample(rows * heads * headSize, 1);
        const [cosine, sine] = [oracle.sample(rows * half, 2), oracle.sample(rows * half, 3)];
        const found = withStack(() => {
          const y = kernels.load(x);
          kernels.rope(y, kernels.load(cosine), kernels.load(sine), { heads, headSize });
          return Float32Array.from(y);
        });
        const [c, s] = [cosine, sine].map((v) =>
          Array.from({ length: rows }, (_, r) => Array.from(v.subarray(r * half, (r + 1) * half))),
        );
        const expected = oracle.rope(oracle.toRows(x, heads * headSize), c, s, heads, headSize).flat();
        found.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThan(2e-7);
        });
      },
    ),
  );
});

describe('layout', () => {
  const side = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 13, max: 75 }));

  test('transpose and transposeBytes', () => {
    fc.assert(
      fc.property(side, side, (rows, columns) => {
        withStack(() => {
          const values = Array.from({ length: rows * columns }, (_, i) => i);
          const x = kernels.load(Float32Array.from(values));
          const out = kernels.floats(rows * columns);
          kernels.transpose(out, x, rows, columns);
          const expected = Array.from({ length: rows * columns }, (_, i) => {
            const [c, r] = [Math.floor(i / rows), i % rows];
            return r * columns + c;
          });
          expect(Array.from(out)).toEqual(expected);

          const area = kernels.bytes(2 * values.length + 8);
          const codes = new Int8Array(area.buffer, area.byteOffset, values.length);
          codes.set(values);
          const turned = new Int8Array(area.buffer, area.byteOffset + values.length, values.length);
          const guard = area.subarray(2 * values.length).fill(77);
          kernels.transposeBytes(turned, codes, rows, columns);
          expect(Array.from(turned)).toEqual(expected.map((value) => (value << 24) >> 24));
          expect(guard.every((byte) => byte === 77)).toBe(true);
        });
      }),
      { numRuns: 200 },
    );
  });

  test('splitHeads and mergeHeads undo each other', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 19 }),
        (rows, heads, size) => {
          withStack(() => {
            const shape = { rows, heads, size };
            const x = kernels.load(Float32Array.from({ length: rows * heads * size }, (_, i) => i));
            const [split, merged] = [kernels.floats(x.length), kernels.floats(x.length)];
            kernels.splitHeads(split, x, shape);
            const at = (h: number, r: number, i: number) => split[(h * rows + r) * size + i];
            for (let h = 0; h < heads; h++) {
              for (let r = 0; r < rows; r++) {
                for (let i = 0; i < size; i++) expect(at(h, r, i)).toBe((r * heads + h) * size + i);
              }
            }
            kernels.mergeHeads(merged, split, shape);
            expect(Array.from(merged)).toEqual(Array.from(x));
          });
        },
      ),
    );
  });
});
