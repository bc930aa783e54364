import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();

/** Runs `work` on a copy of x in the kernel memory, with a guard behind it that must survive; the copy comes back. */
function inPlace(x: Float32Array, work: (x: Float32Array) => void): Float32Array {
  const mark = kernels.mark();
  const room = kernels.floats(x.length + 4).fill(123);
  const copy = room.subarray(0, x.length);
  copy.set(x);
  work(copy);
  expect(Array.from(room.subarray(x.length))).toEqual([123, 123, 123, 123]);
  const result = Float32Array.from(copy);
  kernels.release(mark);
  return result;
}

/** Largest |found - expected| / (|expected| + floor). */
function error(found: ArrayLike<number>, expected: ArrayLike<number>, floor: number): number {
  expect(found.length).toBe(expected.length);
  return Math.max(
    0,
    ...Array.from(found, (value, i) =>
      Object.is(value, expected[i]) ? 0 : Math.abs(value - expected[i]) / (Math.abs(expected[i]) + floor),
    ),
  );
}

const size = fc.record({ rows: fc.integer({ min: 0, max: 9 }), columns: fc.integer({ min: 1, max: 70 }) });

describe('normalisation', () => {
  test('layerNorm', () => {
    fc.assert(
      fc.property(size, fc.boolean(), ({ rows, columns }, outside) => {
        const x = oracle.sample(rows * columns, columns, 4);
        const [gain, bias] = [oracle.sample(columns, 1), oracle.sample(columns, 2)];
        const found = inPlace(x, (y) => {
          const small = outside ? (v: Float32Array) => v : (v: Float32Array) => kernels.load(v);
          kernels.layerNorm(y, y, small(gain), small(bias), 1e-5);
        });
        const expected = oracle.layerNorm(oracle.toRows(x, columns), [...gain], [...bias], 1e-5).flat();
        expect(error(found, expected, 1)).toBeLessThan(2e-6);
      }),
    );
  });

  test('rmsNorm', () => {
    fc.assert(
      fc.property(size, ({ rows, columns }) => {
        const x = oracle.sample(rows * columns, columns, 4);
        const gain = oracle.sample(columns, 1);
        const found = inPlace(x, (y) => kernels.rmsNorm(y, y, gain, 1e-6));
        const expected = oracle.rmsNorm(oracle.toRows(x, columns), [...gain], 1e-6).flat();
        expect(error(found, expected, 1e-20)).toBeLessThan(1e-6);
      }),
    );
  });

  test('a row does not depend on the rows around it', () => {
    const [rows, columns] = [7, 37];
    const x = oracle.sample(rows * columns, 9);
    const [gain, bias] = [oracle.sample(columns, 1), oracle.sample(columns, 2)];
    const all = inPlace(x, (y) => kernels.layerNorm(y, y, gain, bias, 1e-5));
    const row = inPlace(x.slice(3 * columns, 4 * columns), (y) => kernels.layerNorm(y, y, gain, bias, 1e-5));
    expect(row).toEqual(all.slice(3 * columns, 4 * columns));
  });
});

/** Every exponent and a spread of mantissas, both signs, from 1e-30 to `limit`. */
function spread(limit: number): Float32Array {
  const values = [0, -0];
  for (let x = 1e-30; x < limit; x *= 1.0043) values.push(x, -x);
  for (let x = 0; x < Math.min(limit, 12); x += 0.0007) values.push(x, -x);
  return Float32Array.from(values);
}

describe('activations', () => {
  // The floor is where relative error gives way to absolute error: in gelu's negative tail the rounding of the
  // exponent, which grows with x², makes relative error grow (absolute error stays below 5e-8 there).
  test.each([
    { name: 'relu', limit: 1e30, floor: 0, bound: 0 },
    { name: 'tanh', limit: 1e30, floor: 0, bound: 3e-7 },
    { name: 'silu', limit: 80, floor: 0, bound: 3e-7 },
    { name: 'gelu', limit: 1e30, floor: 0.15, bound: 3e-7 },
    { name: 'geluTanh', limit: 1e10, floor: 0.15, bound: 3e-7 },
  ] as const)('$name within $bound', ({ name, limit, floor, bound }) => {
    const x = spread(limit);
    const expected = Float64Array.from(x, oracle.activations[name]);
    expect(
      error(
        inPlace(x, (y) => kernels[name](y)),
        expected,
        floor + 1e-37,
      ),
    ).toBeLessThanOrEqual(bound);
  });

  test.each(['relu', 'tanh', 'silu', 'gelu', 'geluTanh'] as const)(
    '%s of special values and any length',
    (name) => {
      const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
      const [atNan, atInfinity, large] = inPlace(Float32Array.of(nan, infinity, -1e30), (y) =>
        kernels[name](y),
      );
      expect(atNan).toBeNaN();
      expect(atInfinity).toBe(name === 'tanh' ? 1 : infinity);
      expect(large).toBeCloseTo(name === 'tanh' ? -1 : 0, 10);
      const x = oracle.sample(41, 3, 3);
      const all = inPlace(x, (y) => kernels[name](y));
      for (let length = 0; length < x.length; length++) {
        expect(inPlace(x.slice(0, length), (y) => kernels[name](y))).toEqual(all.slice(0, length));
      }
    },
  );

  test('silu and geluTanh of very negative values are 0', () => {
    const x = Float32Array.of(-200, -1e5, Number.NEGATIVE_INFINITY);
    expect(Array.from(inPlace(x, (y) => kernels.silu(y))).slice(0, 2)).toEqual([-0, -0]);
    expect(Array.from(inPlace(x, (y) => kernels.geluTanh(y))).slice(0, 2)).toEqual([-0, -0]);
  });
});

describe('arithmetic', () => {
  test('add, multiply, addRow, multiplyRow round once', () => {
    fc.assert(
      fc.property(size, ({ rows, columns }) => {
        const [x, y] = [oracle.sample(rows * columns, 1), oracle.sample(rows * columns, 2)];
        const row = oracle.sample(columns, 3);
        const sums = inPlace(x, (z) => kernels.add(z, kernels.load(y)));
        expect(sums).toEqual(x.map((value, i) => value + y[i]));
        const products = inPlace(x, (z) => kernels.multiply(z, kernels.load(y)));
        expect(products).toEqual(x.map((value, i) => value * y[i]));
        expect(inPlace(x, (z) => kernels.addRow(z, row))).toEqual(
          x.map((value, i) => value + row[i % columns]),
        );
        expect(inPlace(x, (z) => kernels.multiplyRow(z, row))).toEqual(
          x.map((value, i) => value * row[i % columns]),
        );
      }),
    );
  });

  test('empty matrices', () => {
    const none = new Float32Array(0);
    expect(inPlace(none, (x) => kernels.addRow(x, none))).toEqual(none);
    expect(inPlace(none, (x) => kernels.layerNorm(x, x, none, none, 1e-5))).toEqual(none);
  });

  test('arrays of another memory and shapes that do not fit are refused by name', () => {
    const inside = kernels.floats(6);
    expect(() => kernels.relu(new Float32Array(4))).toThrow('relu: an array lies outside');
    expect(() => kernels.add(inside, new Float32Array(6))).toThrow('add: an array lies outside');
    expect(() => kernels.add(inside, inside.subarray(1))).toThrow('add: y has 5 values, expected 6');
    expect(() => kernels.addRow(inside, new Float32Array(4))).toThrow(
      'addRow: 6 values are no whole rows of 4',
    );
    expect(() => kernels.softmax(inside, 3, { scale: 1, first: 0, period: 0 })).toThrow(
      'softmax: a period of 0',
    );
  });
});
