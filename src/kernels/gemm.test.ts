import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Gemm, GemmShape } from './gemm.ts';
import { createOnnxRuntimeGemm } from './gemm-onnxruntime.ts';
import { WebAssemblyGemm } from './gemm-webassembly.ts';
import * as oracle from './oracle.ts';
import { selfTest } from './self-test.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();
const own = new WebAssemblyGemm(kernels);
const backends: Gemm[] = [own, await createOnnxRuntimeGemm(1)];

/** A copy in the kernel memory or in a buffer of its own. */
function place<T extends Float32Array | Int32Array | Uint8Array | Int8Array>(values: T, inside: boolean): T {
  const [Type, size] = [
    values.constructor as new (buffer: ArrayBufferLike, at: number, length: number) => T,
    values.byteLength,
  ];
  const bytes = inside ? kernels.bytes(size) : new Uint8Array(new SharedArrayBuffer(size));
  const copy = new Type(bytes.buffer, bytes.byteOffset, values.length);
  copy.set(values);
  return copy;
}

async function float32(
  gemm: Gemm,
  a: Float32Array,
  b: Float32Array,
  shape: GemmShape & { transposed: boolean },
  inside = { a: true, b: true, c: true },
): Promise<Float32Array> {
  const mark = kernels.mark();
  const c = place(new Float32Array(shape.m * shape.n).fill(Number.NaN), inside.c);
  await gemm.float32(c, place(a, inside.a), place(b, inside.b), shape);
  const result = Float32Array.from(c);
  expect(kernels.mark()).toBeGreaterThanOrEqual(mark);
  kernels.release(mark);
  return result;
}

async function int8(
  gemm: Gemm,
  a: Uint8Array,
  b: Int8Array,
  shape: GemmShape,
  inside = { a: true, b: true, c: true },
): Promise<Int32Array> {
  const mark = kernels.mark();
  const c = place(new Int32Array(shape.m * shape.n).fill(-1), inside.c);
  await gemm.int8(c, place(a, inside.a), place(b, inside.b), shape);
  const result = Int32Array.from(c);
  kernels.release(mark);
  return result;
}

function exactInt8(a: Uint8Array, b: Int8Array, { m, k, n }: GemmShape): number[] {
  const left = Array.from({ length: m }, (_, r) =>
    Array.from(a.subarray(r * k, (r + 1) * k), (code) => code - 128),
  );
  const right = Array.from({ length: k }, (_, r) => Array.from(b.subarray(r * n, (r + 1) * n)));
  return oracle.product(left, right, n).flat();
}

function codes({ m, k, n }: GemmShape, seed: number): [Uint8Array, Int8Array] {
  return [
    Uint8Array.from(oracle.sampleIntegers(m * k, seed, 0, 255)),
    Int8Array.from(oracle.sampleIntegers(k * n, seed + 1, -128, 127)),
  ];
}

const places = fc.record({ a: fc.boolean(), b: fc.boolean(), c: fc.boolean() });
const shapes = fc.record({
  m: fc.integer({ min: 0, max: 20 }),
  k: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 250, max: 270 })),
  n: fc.integer({ min: 0, max: 40 }),
});

describe.each(backends)('$name', (gemm) => {
  test('float32 products of any shape, operands in any memory', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.boolean(), places, async (shape, transposed, inside) => {
        const { m, k, n } = shape;
        const [a, b] = [oracle.sample(m * k, k + 1), oracle.sample(k * n, n + 7)];
        const rows = Array.from({ length: m }, (_, r) => Array.from(a.subarray(r * k, (r + 1) * k)));
        const right = transposed
          ? oracle.transpose(
              Array.from({ length: n }, (_, j) => Array.from(b.subarray(j * k, (j + 1) * k))),
              k,
            )
          : Array.from({ length: k }, (_, i) => Array.from(b.subarray(i * n, (i + 1) * n)));
        const expected = oracle.product(rows, right, n).flat();
        const found = await float32(gemm, a, b, { ...shape, transposed }, inside);
        const worst = Math.max(0, ...found.map((value, i) => Math.abs(value - expected[i])));
        expect(worst).toBeLessThanOrEqual(1e-6 * (1 + Math.sqrt(k)));
      }),
      { numRuns: 150 },
    );
  });

  test('int8 products of any shape are exact, operands in any memory', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, places, fc.integer({ min: 0, max: 1000 }), async (shape, inside, seed) => {
        const [a, b] = codes(shape, seed);
        expect(Array.from(await int8(gemm, a, b, shape, inside))).toEqual(exactInt8(a, b, shape));
      }),
      { numRuns: 150 },
    );
  });

  test('int8 products of extreme codes are exact', async () => {
    const shape = { m: 7, k: 1041, n: 9 };
    for (const [code, weight] of [
      [255, 127],
      [255, -128],
      [0, 127],
      [0, -128],
    ]) {
      const a = new Uint8Array(shape.m * shape.k).fill(code);
      const b = new Int8Array(shape.k * shape.n).fill(weight);
      const found = await int8(gemm, a, b, shape);
      expect(new Set(found)).toEqual(new Set([(code - 128) * weight * shape.k]));
    }
  });

  test('products larger than one block', async () => {
    const shape = { m: 31, k: 2100, n: 531 };
    const [a, b] = codes(shape, 3);
    const expected = exactInt8(a, b, shape);
    // Codes as floats: every partial sum is an integer below 2^25 here, nearly all below 2^24, which floats hold.
    const [x, y] = [
      Float32Array.from(a, (code) => (code - 128) / 16),
      Float32Array.from(b, (code) => code / 16),
    ];
    for (const at of [true, false]) {
      const inside = { a: at, b: at, c: at };
      expect(Array.from(await int8(gemm, a, b, shape, inside))).toEqual(expected);
      const found = await float32(gemm, x, y, { ...shape, transposed: false }, inside);
      const worst = Math.max(...Array.from(found, (value, i) => Math.abs(value - expected[i] / 256)));
      expect(worst).toBeLessThan(0.05);
    }
  });

  test('infinities and NaN reach their own row and column only', async () => {
    const shape = { m: 7, k: 5, n: 11, transposed: true };
    const [a, b] = [oracle.sample(35, 1), oracle.sample(55, 2)];
    a[2 * 5 + 1] = Number.POSITIVE_INFINITY;
    b[10 * 5 + 4] = Number.NaN;
    const found = oracle.toRows(await float32(gemm, a, b, shape), 11);
    found.forEach((row, r) => {
      row.forEach((value, c) => {
        if (c === 10) expect(value).toBeNaN();
        else expect(Number.isFinite(value)).toBe(r !== 2);
      });
    });
  });

  test('operands that do not fit the shape are refused', async () => {
    const [a, b, c] = [new Float32Array(6), new Float32Array(6), new Float32Array(4)];
    const shape = { m: 2, k: 3, n: 2, transposed: false };
    await expect(gemm.float32(c, a, b.subarray(1), shape)).rejects.toThrow('b has 5 values, expected 6');
    await expect(gemm.float32(c, a, b, { ...shape, m: -1 })).rejects.toThrow('m is -1');
    await expect(gemm.int8(new Int32Array(3), new Uint8Array(6), new Int8Array(6), shape)).rejects.toThrow(
      'c has 3 values, expected 4',
    );
  });

  test('passes its self-test', async () => {
    const found = await selfTest(gemm);
    expect(found.float32).toBeUndefined();
    if (gemm === own) expect(found).toEqual({});
  });
});

describe('WebAssembly', () => {
  test('a row has the same bits whatever rows are around it', async () => {
    for (const transposed of [false, true]) {
      for (const [k, n] of [
        [64, 48],
        [515, 37],
        [768, 8],
        [5, 3],
      ]) {
        const m = 23;
        const [a, b] = [oracle.sample(m * k, k, 3), oracle.sample(k * n, n)];
        const all = await float32(own, a, b, { m, k, n, transposed });
        for (let rows = 1; rows <= 13; rows++) {
          for (const first of [0, 4, m - rows]) {
            const inside = { a: rows % 2 === 0, b: rows % 3 === 0, c: true };
            const part = a.slice(first * k, (first + rows) * k);
            const found = await float32(own, part, b, { m: rows, k, n, transposed }, inside);
            expect(found).toEqual(all.slice(first * n, (first + rows) * n));
          }
        }
      }
    }
  });

  test('a column has the same bits whatever columns are around it, and in either layout of B', async () => {
    const [m, k, n] = [9, 300, 40];
    const [a, b] = [oracle.sample(m * k, 5), oracle.sample(n * k, 6)];
    const turned = Float32Array.from(oracle.transpose(oracle.toRows(b, k), k).flat());
    const all = await float32(own, a, b, { m, k, n, transposed: true });
    expect(await float32(own, a, turned, { m, k, n, transposed: false })).toEqual(all);
    const part = await float32(own, a, b.slice(3 * k, 16 * k), { m, k, n: 13, transposed: true });
    const expected = oracle.toRows(all, n).flatMap((row) => row.slice(3, 16));
    expect(Array.from(part)).toEqual(expected);
  });
});
