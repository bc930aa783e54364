import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();
const { algebra } = kernels;
const { fround } = Math;
const size = fc.record({ rows: fc.integer({ min: 0, max: 6 }), columns: fc.integer({ min: 1, max: 70 }) });

function withStack(work: () => void): void {
  const mark = kernels.mark();
  work();
  kernels.release(mark);
}

/** XᵀX + shift · I of [2n, n] random X, in float64. */
function positiveDefinite(n: number, shift: number): number[][] {
  const x = oracle.toRows(oracle.sample(2 * n * n, n + 1), n);
  return Array.from({ length: n }, (_, i) =>
    Array.from(
      { length: n },
      (_, j) => oracle.sum(x.map((row) => row[i]! * row[j]!)) + (i === j ? shift : 0),
    ),
  );
}

describe('cholesky', () => {
  // Around the sizes of tiles and blocks, and past two blocks.
  test.each([1, 2, 3, 4, 5, 7, 31, 63, 64, 65, 67, 128, 131, 200])('Mᵀ M is the matrix of %i rows', (n) => {
    withStack(() => {
      const exact = positiveDefinite(n, 0.1);
      const a = kernels.doubles(n * n);
      a.set(exact.flat());
      // What stands above the diagonal is not read.
      for (let r = 0; r < n; r++) a.fill(Number.NaN, r * n + r + 1, (r + 1) * n);
      expect(algebra.cholesky(a, n)).toBe(-1);
      const m = Array.from({ length: n }, (_, r) =>
        Array.from({ length: n }, (_, c) => (c <= r ? a[r * n + c]! : 0)),
      );
      for (let i = 0; i < n; i++) {
        expect(m[i]![i]).toBeGreaterThan(0);
        for (let j = 0; j <= i; j++) {
          const found = oracle.sum(m.map((row) => row[i]! * row[j]!));
          expect(Math.abs(found - exact[i]![j]!)).toBeLessThan(1e-12 * n);
        }
      }
    });
  });

  test('names a row where the matrix is not positive definite', () => {
    for (const [row, value] of [
      [70, -1],
      [3, 0],
      [65, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
    ] as const) {
      withStack(() => {
        const n = 80;
        const a = kernels.doubles(n * n).fill(0);
        for (let i = 0; i < n; i++) a[i * n + i] = i === row ? value : 2;
        expect(algebra.cholesky(a, n)).toBe(row);
      });
    }
  });
});

test('gatherRow and unitRows', () => {
  withStack(() => {
    const order = kernels.integers(3);
    order.set([4, 0, 2]);
    const out = kernels.doubles(3);
    algebra.gatherRow(out, kernels.load(Float32Array.of(10, 11, 12, 13, 14)), order);
    expect([...out]).toEqual([14, 10, 12]);

    const m = kernels.doubles(25);
    m.set(Array.from({ length: 25 }, (_, i) => i + 1));
    const rows = kernels.floats(6);
    algebra.unitRows(rows, m, { n: 5, row: 2, rows: 2, first: 1, columns: 3 });
    expect([...rows]).toEqual([12 / 13, 13 / 13, 14 / 13, 17 / 19, 18 / 19, 19 / 19].map(fround));
    expect(() => algebra.unitRows(rows, m, { n: 5, row: 4, rows: 2, first: 1, columns: 3 })).toThrow(
      /beyond/,
    );
  });
});

test('addScaledRows adds a row after the other', () => {
  fc.assert(
    fc.property(size, ({ rows, columns }) => {
      withStack(() => {
        const [start, matrix] = [oracle.sample(columns, 3), oracle.sample(rows * columns, 4)];
        const factors = oracle.sample(rows, 5);
        const x = kernels.load(start);
        algebra.addScaledRows(x, kernels.load(matrix), factors);
        const expected = start.map((value, c) =>
          factors.reduce((total, f, r) => fround(total + fround(f * matrix[r * columns + c]!)), value),
        );
        expect(x).toEqual(expected);
      });
    }),
  );
});

test('columnAbsSums, rowDots, copyColumns and clampGroups', () => {
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 9 }), ({ rows, columns }, group) => {
      withStack(() => {
        const [x, y] = [oracle.sample(rows * columns, 6), oracle.sample(rows * columns, 7)];
        const [xs, ys] = [oracle.toRows(x, columns), oracle.toRows(y, columns)];
        const sums = new Float64Array(columns).fill(1);
        algebra.columnAbsSums(sums, kernels.load(x));
        expect([...sums]).toEqual(
          Array.from(sums, (_, c) => xs.reduce((total, row) => total + Math.abs(row[c]!), 1)),
        );
        const dots = new Float64Array(rows);
        algebra.rowDots(dots, kernels.load(x), kernels.load(y));
        for (const [r, dot] of dots.entries())
          expect(dot).toBeCloseTo(oracle.sum(xs[r]!.map((value, c) => value * ys[r]![c]!)), 12);

        const first = group % columns;
        const count = Math.min(group, columns - first);
        const part = kernels.floats(rows * count);
        algebra.copyColumns(part, kernels.load(x), { columns, first, count });
        expect([...part]).toEqual(xs.flatMap((row) => row.slice(first, first + count)));

        const groups = Math.ceil(columns / group);
        const limits = oracle.sample(rows * groups, 8).map(Math.abs);
        const clamped = kernels.load(x);
        algebra.clampGroups(clamped, limits, { columns, group });
        expect([...clamped]).toEqual(
          xs.flatMap((row, r) =>
            row.map((value, c) => {
              const limit = limits[r * groups + Math.floor(c / group)]!;
              return Math.max(Math.min(value, limit), -limit);
            }),
          ),
        );
      });
    }),
  );
});

test('mirrorUpper', () => {
  for (const n of [1, 2, 31, 32, 33, 70]) {
    withStack(() => {
      const values = oracle.toRows(oracle.sample(n * n, n), n);
      const x = kernels.load(Float32Array.from(values.flat()));
      algebra.mirrorUpper(x, n, 0.3);
      const factor = fround(0.3);
      expect([...x]).toEqual(
        values.flatMap((row, r) =>
          row.map((_, c) => fround(values[Math.min(r, c)]![Math.max(r, c)]! * factor)),
        ),
      );
    });
  }
});
