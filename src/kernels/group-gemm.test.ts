import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GroupShape, type ScaledMatrix, stepsOf, sumsAreExact } from './group-gemm.ts';
import { createGroupGemm } from './group-gemm-webassembly.ts';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();
const gemm = createGroupGemm(kernels);

/** The product as its definition reads; products of two elements must be exact in float32 where not wide. */
function expected(a: ScaledMatrix, b: ScaledMatrix, { m, k, n, wide }: GroupShape): number[] {
  const round = wide ? (x: number) => x : Math.fround;
  const scale = ({ scales, group }: ScaledMatrix, row: number, i: number) =>
    scales.length === 1 ? scales[0]! : scales[row * Math.ceil(k / group) + Math.floor(i / group)]!;
  const out: number[] = [];
  for (let r = 0; r < m; r++) {
    for (let j = 0; j < n; j++) {
      let [total, part] = [0, 0];
      for (let i = 0; i < k; i++) {
        part = round(part + a.elements[r * k + i]! * b.elements[j * k + i]!);
        const last = i + 1 === k || (i + 1) % a.group === 0 || (i + 1) % b.group === 0;
        if (!last) continue;
        const scaled = Math.fround(Math.fround(part) * Math.fround(scale(a, r, i) * scale(b, j, i)));
        total = Math.fround(total + scaled);
        part = 0;
      }
      out.push(total);
    }
  }
  return out;
}

function product(a: ScaledMatrix, b: ScaledMatrix, shape: GroupShape, inside = true): Float32Array {
  const mark = kernels.mark();
  const c = kernels.floats(shape.m * shape.n).fill(Number.NaN);
  const right = inside ? kernels.load(b.elements) : b.elements;
  gemm.product(c, { ...a, elements: kernels.load(a.elements) }, { ...b, elements: right }, shape);
  const result = Float32Array.from(c);
  kernels.release(mark);
  return result;
}

function matrix(rows: number, k: number, group: number, largest: number, seed: number): ScaledMatrix {
  return {
    elements: Float32Array.from(oracle.sampleIntegers(rows * k, seed, -largest, largest)),
    scales: oracle.sample(rows * Math.ceil(k / group), seed + 1, 0.01),
    group,
  };
}

const groups = fc.oneof(fc.constantFrom(16, 32, 64, 128, 4096), fc.integer({ min: 1, max: 70 }));
const shapes = fc.record({
  m: fc.integer({ min: 0, max: 14 }),
  k: fc.oneof(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 250, max: 530 })),
  n: fc.integer({ min: 0, max: 26 }),
  wide: fc.boolean(),
});

describe('group product', () => {
  test('is the definition, bit for bit, for any shape and any two groups', () => {
    fc.assert(
      fc.property(
        shapes,
        groups,
        groups,
        fc.boolean(),
        fc.integer({ min: 0, max: 999 }),
        (shape, ga, gb, inside, seed) => {
          const [a, b] = [matrix(shape.m, shape.k, ga, 127, seed), matrix(shape.n, shape.k, gb, 7, seed + 5)];
          expect(Array.from(product(a, b, shape, inside))).toEqual(expected(a, b, shape));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('keeps the order within a step where sums are not exact', () => {
    // Floats of 4 exponent and 3 mantissa bits: products of 8 significant bits, exponents from -18 to 15.
    const shape = { m: 7, k: 300, n: 11 };
    const value = (code: number) => oracle.decodeFloat(Math.abs(code), 4, 3) * Math.sign(code);
    const small = (rows: number, seed: number): ScaledMatrix => {
      const { elements, ...rest } = matrix(rows, shape.k, 32, 119, seed);
      return { elements: elements.map(value), ...rest };
    };
    const [a, b] = [small(7, 1), small(11, 2)];
    for (const wide of [false, true]) {
      expect(Array.from(product(a, b, { ...shape, wide }))).toEqual(expected(a, b, { ...shape, wide }));
    }
    expect(product(a, b, shape)).not.toEqual(product(a, b, { ...shape, wide: true }));
  });

  test('wide sums are exact where float32 sums are not', () => {
    const shape = { m: 5, k: 256, n: 9, wide: true };
    const [a, b] = [matrix(5, 256, 256, 32767, 3), matrix(9, 256, 256, 32767, 4)];
    a.scales.fill(1);
    b.scales.fill(1);
    const exact = Array.from({ length: 45 }, (_, at) => {
      let sum = 0n;
      const [r, j] = [Math.floor(at / 9) * 256, (at % 9) * 256];
      for (let i = 0; i < 256; i++) sum += BigInt(a.elements[r + i]!) * BigInt(b.elements[j + i]!);
      return Math.fround(Number(sum));
    });
    expect(Array.from(product(a, b, shape))).toEqual(exact);
    expect(Array.from(product(a, b, { ...shape, wide: false }))).not.toEqual(exact);
  });

  test('one scale for a whole matrix', () => {
    const shape = { m: 6, k: 96, n: 10 };
    const [a, b] = [matrix(6, 96, 32, 15, 7), matrix(10, 96, 96, 15, 8)];
    const spread = { ...a, scales: new Float32Array(18).fill(0.3) };
    expect(product({ ...a, scales: Float32Array.of(0.3) }, b, shape)).toEqual(product(spread, b, shape));
  });

  test('blocks of B', () => {
    for (const [m, k, n] of [
      [7, 4096, 150],
      [2, 4096, 50],
    ] as const) {
      const [a, b] = [matrix(m, k, 64, 127, 1), matrix(n, k, 128, 7, 2)];
      const all = expected(a, b, { m, k, n });
      for (const inside of [true, false]) {
        expect(Array.from(product(a, b, { m, k, n }, inside))).toEqual(all);
      }
    }
  });

  test('a row and a column have the same bits whatever is around them', () => {
    const [m, k, n] = [23, 515, 37];
    const [a, b] = [matrix(m, k, 64, 127, 5), matrix(n, k, 32, 127, 6)];
    const rows = ({ elements, scales, group }: ScaledMatrix, first: number, count: number): ScaledMatrix => {
      const wide = Math.ceil(k / group);
      return {
        elements: elements.slice(first * k, (first + count) * k),
        scales: scales.slice(first * wide, (first + count) * wide),
        group,
      };
    };
    for (const wide of [false, true]) {
      const all = oracle.toRows(product(a, b, { m, k, n, wide }), n);
      for (let count = 1; count <= 13; count++) {
        for (const first of [0, 4, m - count]) {
          const found = product(rows(a, first, count), b, { m: count, k, n, wide });
          expect(oracle.toRows(found, n)).toEqual(all.slice(first, first + count));
        }
        const part = product(a, rows(b, 3, count), { m, k, n: count, wide });
        expect(oracle.toRows(part, count)).toEqual(all.map((row) => row.slice(3, 3 + count)));
      }
    }
  });

  test('leaves what lies behind C alone', () => {
    const [a, b] = [matrix(3, 20, 8, 7, 1), matrix(5, 20, 8, 7, 2)];
    const mark = kernels.mark();
    const c = kernels.floats(40).fill(7);
    const elements = kernels.load(a.elements);
    gemm.product(c.subarray(4, 19), { ...a, elements }, b, { m: 3, k: 20, n: 5 });
    expect(new Set([...c.subarray(0, 4), ...c.subarray(19)])).toEqual(new Set([7]));
    kernels.release(mark);
  });

  test('steps end at the groups of both operands', () => {
    expect(stepsOf(10, 4, 6)).toEqual([
      { length: 4, groupA: 0, groupB: 0 },
      { length: 2, groupA: 1, groupB: 0 },
      { length: 2, groupA: 1, groupB: 1 },
      { length: 2, groupA: 2, groupB: 1 },
    ]);
  });

  test('tells which sums are exact', () => {
    expect(sumsAreExact(64, 2048, 7)).toBe(true);
    expect(sumsAreExact(64, 65535, 7)).toBe(false);
  });

  test('operands that do not fit are refused', () => {
    const [a, b, c] = [kernels.floats(6), new Float32Array(6), kernels.floats(4)];
    const scales = new Float32Array(2);
    const shape = { m: 2, k: 3, n: 2 };
    const whole = (elements: Float32Array) => ({ elements, scales, group: 3 });
    expect(() => gemm.product(c, whole(a), whole(b.subarray(1)), shape)).toThrow(
      'b has 5 values, expected 6',
    );
    expect(() => gemm.product(c, { ...whole(a), group: 2 }, whole(b), shape)).toThrow(
      'scales of a has 2 values, expected 4',
    );
    expect(() => gemm.product(c, { ...whole(a), group: 0 }, whole(b), shape)).toThrow('a group of 0 values');
    expect(() => gemm.product(c, whole(b), whole(b), shape)).toThrow('outside the memory');
    expect(() => createGroupGemm({} as never)).toThrow('what createKernels made');
  });
});
