import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WebAssemblyGemm } from './gemm-webassembly.ts';
import * as oracle from './oracle.ts';
import { type SplitRows, type SplitWeight, WEIGHT_PANEL } from './outlier-products.ts';
import { createOutlierProducts } from './outlier-products-webassembly.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();
const gemm = new WebAssemblyGemm(kernels);
const products = createOutlierProducts(kernels);

/** Integers of which the share `density` is beyond ±127, up to ±largest, both ends among them. */
function integers(length: number, seed: number, density: number, largest: number): Float32Array {
  const dense = oracle.sampleIntegers(length, seed, -127, 127);
  const wide = oracle.sampleIntegers(length, seed + 1, -largest, largest);
  const draw = oracle.sample(length, seed + 2);
  return Float32Array.from(dense, (value, i) => {
    const u = (draw[i]! + 1) / 2;
    if (u >= density) return value;
    return u < density / 4 ? largest : u < density / 2 ? -largest : wide[i]!;
  });
}

function splitWeight(elements: Float32Array, outputs: number, inputs: number): SplitWeight {
  return products.splitWeight(outputs, inputs, (from, rows) =>
    kernels.load(elements.subarray(from * inputs, (from + rows) * inputs)),
  );
}

/** Sums by panels, and the overflows found. */
async function multiply(a: SplitRows, weight: SplitWeight) {
  const [m, k] = [a.rows, a.columns];
  const sums = oracle.toRows(new Float32Array(0), 0);
  for (let r = 0; r < m; r++) sums.push([]);
  const doubtful = products.doubtfulRows(a, weight);
  let overflows = 0;
  let certain = 0;
  for (let from = 0; from < weight.outputs; from += WEIGHT_PANEL) {
    const n = Math.min(WEIGHT_PANEL, weight.outputs - from);
    const mark = kernels.mark();
    const panel = kernels.integers(m * n);
    await gemm.int8(panel, a.codes, weight.codes.subarray(from * k, (from + n) * k), { m, k, n });
    products.add(panel, a, weight, from);
    overflows += products.overflows(panel, a, weight, from, doubtful);
    const all = Array.from({ length: m }, (_, row) => row);
    certain += products.overflows(panel, a, weight, from, all);
    oracle.toRows(panel, n).forEach((row, r) => {
      sums[r]!.push(...row);
    });
    kernels.release(mark);
  }
  return { sums: sums.flat(), doubtful, overflows, certain };
}

/** True sums: exact in float64. */
function trueSums(x: Float32Array, w: Float32Array, m: number, k: number, n: number): number[] {
  return Array.from({ length: m * n }, (_, at) => {
    let sum = 0;
    const [r, j] = [Math.floor(at / n) * k, (at % n) * k];
    for (let i = 0; i < k; i++) sum += x[r + i]! * w[j + i]!;
    return sum;
  });
}

async function check(x: Float32Array, w: Float32Array, m: number, k: number, n: number) {
  const mark = kernels.mark();
  const split = products.splitRows(kernels.load(x), k);
  const found = await multiply(split, splitWeight(w, n, k));
  const expected = trueSums(x, w, m, k, n);
  // `| 0` takes a number modulo 2^32.
  expect(found.sums).toEqual(expected.map((sum) => sum | 0));
  const wrapped = expected.filter((sum) => sum !== (sum | 0)).length;
  expect(found.overflows).toBe(wrapped);
  expect(found.certain).toBe(wrapped);
  kernels.release(mark);
  return { ...found, wrapped };
}

describe('outlier products', () => {
  test('are the true sums modulo 2^32, overflows counted, for any shape and share of outliers', async () => {
    let overflowed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          m: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 30, max: 70 })),
          k: fc.integer({ min: 1, max: 60 }),
          n: fc.integer({ min: 0, max: 90 }),
        }),
        fc.constantFrom(0, 0.01, 0.2, 1),
        fc.constantFrom(0, 0.01, 0.2, 1),
        fc.constantFrom(192, 32767, 32768),
        fc.integer({ min: 0, max: 999 }),
        async ({ m, k, n }, left, right, largest, seed) => {
          const x = integers(m * k, seed, left, largest);
          const w = integers(n * k, seed + 3, right, largest);
          overflowed += (await check(x, w, m, k, n)).wrapped;
        },
      ),
      { numRuns: 200 },
    );
    expect(overflowed).toBeGreaterThan(0);
  });

  test('several panels and blocks of a weight', async () => {
    const [m, k, n] = [5, 2100, WEIGHT_PANEL + 37];
    const some = integers(65_537, 2, 0.01, 3000);
    const w = Float32Array.from({ length: n * k }, (_, i) => some[i % some.length]!);
    const found = await check(integers(m * k, 1, 0.01, 3000), w, m, k, n);
    expect(found.wrapped).toBe(0);
  });

  test('a sum of a whole multiple of 2^32 counts', async () => {
    const [x, w] = [new Float32Array(8).fill(32768), new Float32Array(24).fill(32768)];
    w.fill(-32768, 8, 16);
    w.fill(1, 16);
    const found = await check(x, w, 1, 8, 3);
    expect(found.sums).toEqual([0, 0, 8 * 32768]);
    expect(found.wrapped).toBe(2);
  });

  test('the ends of int32 do not overflow, one beyond does', async () => {
    // 2^31 - 1 = 2 · 32768 · 32767 + 32767 + 32768.
    const x = Float32Array.of(32768, 32768, 1, 32768, 1);
    const high = Float32Array.of(32767, 32767, 32767, 1, 0);
    const [beyond, low, below] = [high.slice(), high.map((value) => -value), high.map((value) => -value)];
    beyond[4] = 1;
    low[4] = -1;
    below[4] = -2;
    const found = await check(x, Float32Array.from([...high, ...beyond, ...low, ...below]), 1, 5, 4);
    expect(found.sums).toEqual([2 ** 31 - 1, -(2 ** 31), -(2 ** 31), 2 ** 31 - 1]);
    expect(found.wrapped).toBe(2);
  });

  test('rows of ordinary data are cleared by the bound', () => {
    const [k, n] = [768, 64];
    const mark = kernels.mark();
    const x = integers(20 * k, 1, 0.01, 1000);
    x.fill(32768, 7 * k, 8 * k);
    const weight = splitWeight(integers(n * k, 5, 0.01, 1000), n, k);
    expect(products.doubtfulRows(products.splitRows(kernels.load(x), k), weight)).toEqual([7]);
    kernels.release(mark);
  });

  test('a split keeps every element, and the operand', () => {
    const mark = kernels.mark();
    const x = kernels.load(integers(7 * 45, 3, 0.1, 32768));
    const before = Float32Array.from(x);
    const { codes, outliers } = products.splitRows(x, 45);
    expect(Float32Array.from(x)).toEqual(before);
    const back = Float32Array.from(codes, (code) => code - 128);
    for (let r = 0; r < 7; r++) {
      for (let i = outliers.starts[r]!; i < outliers.starts[r + 1]!; i++) {
        const at = r * 45 + outliers.columns[i]!;
        expect(back[at]).toBe(0);
        back[at] = outliers.values[i]!;
      }
    }
    expect(back).toEqual(before);
    expect(outliers.values.every((value) => Math.abs(value) > 127)).toBe(true);
    kernels.release(mark);
  });

  test('weights lie in shared buffers, with the largest magnitude of each input', () => {
    const w = integers(3 * 10, 4, 0.3, 500);
    const weight = splitWeight(w, 3, 10);
    const { codes, outliers, largest } = weight;
    for (const part of [codes, outliers.starts, outliers.columns, outliers.values, largest]) {
      expect(part.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
    const rows = oracle.toRows(w, 10);
    expect(Array.from(largest)).toEqual(
      Array.from({ length: 10 }, (_, i) => Math.max(...rows.map((row) => Math.abs(row[i]!)))),
    );
  });

  test('what does not fit is refused', () => {
    const x = kernels.load(Float32Array.of(1, 2, 32769, 4));
    expect(() => products.splitRows(x, 2)).toThrow('an element of 32769');
    x[2] = Number.NaN;
    expect(() => products.splitRows(x, 2)).toThrow('an element of NaN');
    expect(() => products.splitRows(new Float32Array(4), 2)).toThrow('outside the memory');
    x[2] = 300;
    const split = products.splitRows(x, 2);
    const weight = splitWeight(Float32Array.of(1, 2, 3, 4, 5, 6), 3, 2);
    expect(() => products.add(kernels.integers(5), split, weight, 0)).toThrow(
      'sums has 5 values, expected 6',
    );
    expect(() => products.add(kernels.integers(6), split, weight, 1)).toThrow('no panel begins at output 1');
    expect(() => createOutlierProducts({} as never)).toThrow('what createKernels made');
  });
});
