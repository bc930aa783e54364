import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hadamardOrder, paleyMatrix } from './hadamard-matrix.ts';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();

function transformed(x: Float32Array, columns: number, inverse?: boolean): Float32Array {
  const mark = kernels.mark();
  const copy = kernels.load(x);
  kernels.hadamard(copy, columns, inverse);
  const result = Float32Array.from(copy);
  kernels.release(mark);
  return result;
}

/** Entry of the Walsh-Hadamard matrix: the parity of the bits that row and column share. */
function walsh(row: number, column: number): number {
  let sign = 1;
  for (let bits = row & column; bits; bits &= bits - 1) sign = -sign;
  return sign;
}

/** The whole matrix of `hadamardOrder`, entries ±1, and 0 between blocks. */
function matrixOf(columns: number): number[][] {
  const { order, small, power } = hadamardOrder(columns);
  const paley = small === 1 ? Float32Array.of(1) : paleyMatrix(small);
  return Array.from({ length: columns }, (_, r) =>
    Array.from({ length: columns }, (_, c) => {
      if (Math.floor(r / order) !== Math.floor(c / order)) return 0;
      const [i, j] = [r % order, c % order];
      return paley[Math.floor(i / power) * small + Math.floor(j / power)]! * walsh(i % power, j % power);
    }),
  );
}

/** The float32 semantic, step by step. */
function stepwise(row: number[], columns: number, inverse: boolean): number[] {
  const { order, small, power } = hadamardOrder(columns);
  const paley = small === 1 ? Float32Array.of(1) : paleyMatrix(small);
  const entry = (i: number, j: number) => (inverse ? paley[j * small + i]! : paley[i * small + j]!);
  const scale = Math.fround(1 / Math.sqrt(order));
  const x = row.map((value) => Math.fround(value * scale));
  for (let h = 1; h < power; h *= 2) {
    for (let i = 0; i < columns; i++) {
      if (i % (2 * h) >= h) continue;
      const [a, b] = [x[i]!, x[i + h]!];
      x[i] = Math.fround(a + b);
      x[i + h] = Math.fround(a - b);
    }
  }
  if (small === 1) return x;
  return x.map((_, at) => {
    let sum = 0;
    for (let l = 0; l < small; l++)
      sum = Math.fround(sum + entry(Math.floor(at / power), l) * x[l * power + (at % power)]!);
    return sum;
  });
}

describe('Hadamard matrices', () => {
  const orders: number[] = [];
  for (let order = 4; order <= 512; order += 4) {
    if (hadamardOrder(order).small === order) orders.push(order);
  }

  test("are there for the orders of Paley's constructions", () => {
    // Orders 4 · odd (and one 8 · odd where the odd number has none of 4).
    const known = [12, 20, 28, 36, 44, 52, 60, 68, 76, 84, 100, 108, 124, 132, 140, 148, 164, 180, 244, 344];
    for (const order of known) expect(orders).toContain(order);
    for (const order of [92, 116, 156, 172, 188]) expect(orders).not.toContain(order);
  });

  test('have entries ±1 and orthogonal rows', () => {
    // The larger ones take long; 344 is of a field of 7³ elements.
    for (const order of orders.filter((n) => n <= 260 || n === 344)) {
      const h = paleyMatrix(order);
      expect(new Set(h)).toEqual(new Set([1, -1]));
      for (let r = 0; r < order; r++) {
        for (let s = r; s < order; s++) {
          let dot = 0;
          for (let c = 0; c < order; c++) dot += h[r * order + c]! * h[s * order + c]!;
          if (dot !== (r === s ? order : 0)) expect.fail(`order ${order}: rows ${r} and ${s} give ${dot}`);
        }
      }
    }
    expect(() => paleyMatrix(92)).toThrow('no construction of order 92');
    expect(() => paleyMatrix(14)).toThrow('no construction of order 14');
  });

  test('factors of widths of real models', () => {
    const full = (columns: number) => hadamardOrder(columns);
    expect(full(4096)).toEqual({ order: 4096, small: 1, power: 4096 });
    expect(full(768)).toEqual({ order: 768, small: 12, power: 64 });
    expect(full(5120)).toEqual({ order: 5120, small: 20, power: 256 });
    expect(full(14336)).toEqual({ order: 14336, small: 28, power: 512 });
    expect(full(13824)).toEqual({ order: 13824, small: 108, power: 128 });
    expect(full(1600)).toEqual({ order: 1600, small: 100, power: 16 });
    expect(full(11008)).toEqual({ order: 11008, small: 344, power: 32 });
    expect(full(172)).toEqual({ order: 4, small: 1, power: 4 });
    expect(full(15)).toEqual({ order: 1, small: 1, power: 1 });
    expect(() => hadamardOrder(0)).toThrow('rows of 0 values');
  });
});

describe('hadamard', () => {
  const widths = [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 36, 40, 56, 64, 96, 128, 172, 256, 344, 480, 768];

  test.each(widths)('of rows of %i is the matrix times the row', (columns) => {
    const matrix = matrixOf(columns);
    const { order } = hadamardOrder(columns);
    const x = oracle.sample(3 * columns, columns, 10);
    const expected = oracle
      .toRows(x, columns)
      .flatMap((row) =>
        matrix.map((entries) => oracle.sum(entries.map((e, i) => e * row[i]!)) / Math.sqrt(order)),
      );
    const found = transformed(x, columns);
    const worst = Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
    expect(worst).toBeLessThan(2e-5);
    const back = transformed(found, columns, true);
    expect(Math.max(...back.map((value, i) => Math.abs(value - x[i]!)))).toBeLessThan(2e-5);
  });

  test('has the bits of its definition, for any number of rows', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...widths, 512, 1024, 2048, 3072, 2560),
        fc.integer({ min: 0, max: 4 }),
        fc.boolean(),
        (columns, rows, inverse) => {
          const x = oracle.sample(rows * columns, columns + rows, 3);
          const expected = oracle.toRows(x, columns).flatMap((row) => stepwise(row, columns, inverse));
          expect(Array.from(transformed(x, columns, inverse))).toEqual(expected);
        },
      ),
      { numRuns: 120 },
    );
  });

  test('keeps dot products and lengths', () => {
    const [x, y] = [oracle.sample(3072, 1), oracle.sample(3072, 2)];
    const [u, v] = [transformed(x, 3072), transformed(y, 3072)];
    const dot = (a: Float32Array, b: Float32Array) => oracle.sum(Array.from(a, (value, i) => value * b[i]!));
    expect(dot(u, v)).toBeCloseTo(dot(x, y), 3);
    expect(dot(u, u)).toBeCloseTo(dot(x, x), 3);
  });

  test('spreads an outlier over the row', () => {
    const x = new Float32Array(768).fill(0);
    x[100] = 768;
    const found = transformed(x, 768);
    expect(Math.max(...found.map(Math.abs))).toBeCloseTo(Math.sqrt(768), 3);
  });

  test('refuses rows that are not whole', () => {
    expect(() => kernels.hadamard(kernels.floats(10), 4)).toThrow('10 values are no whole rows of 4');
    expect(() => kernels.hadamard(new Float32Array(8), 4)).toThrow('outside the memory');
  });
});
