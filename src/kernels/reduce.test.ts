import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();
const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const size = fc.record({ rows: fc.integer({ min: 0, max: 6 }), columns: fc.integer({ min: 1, max: 70 }) });

function withStack(work: () => void): void {
  const mark = kernels.mark();
  work();
  kernels.release(mark);
}

describe('largest magnitudes', () => {
  test('of all, of rows, of columns', () => {
    fc.assert(
      fc.property(size, ({ rows, columns }) => {
        withStack(() => {
          const x = kernels.load(oracle.sample(rows * columns, columns, 9));
          const table = oracle.toRows(x, columns).map((row) => row.map(Math.abs));
          expect(kernels.absMax(x)).toBe(Math.max(0, ...table.flat()));
          const byRow = kernels.floats(rows);
          kernels.rowAbsMax(byRow, x, columns);
          expect(Array.from(byRow)).toEqual(table.map((row) => Math.max(...row)));
          const byColumn = kernels.floats(columns).fill(2);
          kernels.columnAbsMax(byColumn, x, columns);
          expect(Array.from(byColumn)).toEqual(
            Array.from(byColumn.keys(), (c) => Math.max(2, ...table.map((row) => row[c]))),
          );
        });
      }),
    );
  });

  test('a NaN wins, at any place', () => {
    withStack(() => {
      for (let length = 1; length < 40; length++) {
        const x = kernels.floats(length).fill(1);
        x[(length * 7) % length] = -infinity;
        expect(kernels.absMax(x)).toBe(infinity);
        x[(length * 5 + 3) % length] = nan;
        expect(kernels.absMax(x)).toBeNaN();
      }
    });
  });
});

test('findNonFinite finds the first', () => {
  withStack(() => {
    const x = kernels.floats(83).fill(3e38);
    expect(kernels.findNonFinite(x)).toBe(-1);
    for (let at = x.length - 1; at >= 0; at--) {
      x[at] = [nan, infinity, -infinity][at % 3];
      expect(kernels.findNonFinite(x)).toBe(at);
    }
    expect(kernels.findNonFinite(x.subarray(0, 0))).toBe(-1);
  });
});

test('argMax gives the first of the largest', () => {
  fc.assert(
    fc.property(size, ({ rows, columns }) => {
      withStack(() => {
        const x = kernels.load(Float32Array.from(oracle.sampleIntegers(rows * columns, columns, -3, 3)));
        const out = new Int32Array(rows);
        kernels.argMax(out, x, columns);
        expect(Array.from(out)).toEqual(
          oracle.toRows(x, columns).map((row) => row.indexOf(Math.max(...row))),
        );
      });
    }),
  );
  withStack(() => {
    const out = new Int32Array(3);
    const x = kernels.load(Float32Array.of(nan, 1, 2, nan, nan, nan, -infinity, -infinity, -infinity));
    kernels.argMax(out, x, 3);
    expect(Array.from(out)).toEqual([2, 0, 0]);
  });
});

describe('float64 sums', () => {
  test('logSumExp', () => {
    fc.assert(
      fc.property(size, fc.constantFrom(1, 30, 1000), ({ rows, columns }, scale) => {
        withStack(() => {
          const x = kernels.load(oracle.sample(rows * columns, columns, scale));
          const out = new Float64Array(rows);
          kernels.logSumExp(out, x, columns);
          oracle.toRows(x, columns).forEach((row, r) => {
            expect(Math.abs(out[r] - oracle.logSumExp(row))).toBeLessThan(1e-13 * (1 + scale));
          });
        });
      }),
    );
  });

  test('logSumExp of infinities and NaN', () => {
    withStack(() => {
      const out = new Float64Array(4);
      const x = [-infinity, -infinity, 0, infinity, 1, nan, -infinity, 5];
      kernels.logSumExp(out, kernels.load(Float32Array.from(x)), 2);
      expect(Array.from(out)).toEqual([-infinity, infinity, nan, 5]);
    });
  });

  test('divergence', () => {
    fc.assert(
      fc.property(size, fc.constantFrom(1, 20), ({ rows, columns }, scale) => {
        withStack(() => {
          const p = kernels.load(oracle.sample(rows * columns, 1, scale));
          const q = kernels.load(oracle.sample(rows * columns, 2, scale));
          const out = new Float64Array(rows);
          kernels.divergence(out, p, q, columns);
          const [left, right] = [oracle.toRows(p, columns), oracle.toRows(q, columns)];
          left.forEach((row, r) => {
            expect(Math.abs(out[r] - oracle.divergence(row, right[r]))).toBeLessThan(1e-13 * (1 + scale));
          });
          kernels.divergence(out, p, p, columns);
          expect(out.every((value) => Math.abs(value) < 1e-15)).toBe(true);
        });
      }),
    );
  });

  test('a probability of 0 adds nothing; one that only q lacks is infinitely far', () => {
    withStack(() => {
      const p = kernels.load(Float32Array.of(-infinity, 0, 0, 0, 0, nan));
      const q = kernels.load(Float32Array.of(-infinity, 3, -infinity, 0, 0, 0));
      const out = new Float64Array(3);
      kernels.divergence(out, p, q, 2);
      expect(Array.from(out)).toEqual([0, infinity, nan]);
    });
  });
});
