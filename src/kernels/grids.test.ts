import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Grid, GridRounding } from './format-kernels.ts';
import { createKernels, type Kernels } from './index.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

/** Entries at uneven distances, from `first` on. */
function grid(length: number, first: number): Grid {
  const entries = Float32Array.from({ length }, (_, i) => first + i + 0.3 * Math.sin(i) * Math.min(i, 1));
  return { entries, thresholds: entries.subarray(1).map((entry, i) => (entry + entries[i]!) / 2) };
}

function expected(value: number, scale: number, { grid, of, reciprocal, to }: GridRounding): number {
  const bounded = Math.fround(1 / Math.max(scale, Math.fround(1e-38)));
  const number = Math.fround(reciprocal ? value * bounded : value / scale) || 0;
  const key = of === 'magnitudes' ? Math.abs(number) : number;
  const entry = grid.entries[grid.thresholds.filter((threshold) => key >= threshold).length]!;
  const element = of === 'magnitudes' && number < 0 && entry > 0 ? -entry : entry;
  return to === 'values' ? Math.fround(element * scale) : element;
}

const roundings = (
  [{ of: 'magnitudes' }, { of: 'values' }, { of: 'values', reciprocal: true }] as const
).flatMap((kind) => [
  { ...kind, to: 'elements' as const },
  { ...kind, to: 'values' as const },
]);

describe.each([1, 2, 3, 8, 16, 31, 32, 33, 64, 100, 128, 255, 256])('a grid of %i entries', (length) => {
  it.each(roundings)('%o', (kind) => {
    const first = kind.of === 'magnitudes' ? 0 : -length / 2;
    const rounding: GridRounding = { ...kind, grid: grid(length, first) };
    // Every entry, every threshold with its neighbours, and what lies outside.
    const special = [...rounding.grid.thresholds, ...rounding.grid.entries].flatMap((v) => [
      ...[v, -v, v * (1 + 2 ** -23), v * (1 - 2 ** -23)],
    ]);
    special.push(0, -0, 1e30, -1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
    for (const [values, columns, group] of [
      [special, special.length, special.length],
      [special.slice(0, special.length - (special.length % 3)), 3, 2],
      [Array.from({ length: 330 }, (_, i) => (i - 160) * 0.77), 110, 37],
    ] as const) {
      const groups = (values.length / columns) * Math.ceil(columns / group);
      const scales = Float32Array.from({ length: groups }, (_, i) => [1, 0.5, 1.7, 1e-39][i % 4]!);
      const mark = kernels.mark();
      const x = kernels.load(new Float32Array(values));
      const before = x.slice();
      kernels.formats.roundToGrid(x, scales, { columns, group }, rounding);
      for (const [i, value] of before.entries()) {
        const at = Math.floor(i / columns) * Math.ceil(columns / group) + Math.floor((i % columns) / group);
        const right = expected(value, scales[at]!, rounding);
        if (!Object.is(x[i], right)) expect.fail(`${value} / ${scales[at]}: ${x[i]}, expected ${right}`);
      }
      kernels.release(mark);
    }
  });
});

it('refuses a grid that is none', () => {
  const x = kernels.load(new Float32Array(4));
  const round = (grid: Grid) => () =>
    kernels.formats.roundToGrid(
      x,
      new Float32Array([1]),
      { columns: 4, group: 4 },
      { grid, of: 'values', to: 'values' },
    );
  expect(round({ entries: new Float32Array(257), thresholds: new Float32Array(256) })).toThrow('257 entries');
  expect(round({ entries: new Float32Array(0), thresholds: new Float32Array(0) })).toThrow('0 entries');
  expect(round({ entries: new Float32Array(4), thresholds: new Float32Array(4) })).toThrow('expected 3');
});

it('rounds inside two limits and keeps the bits outside', () => {
  const table = grid(8, -4);
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true }), { maxLength: 40 }), (values) => {
      const mark = kernels.mark();
      const x = kernels.load(Float32Array.from([...values, -0, 3.5, -3.25, 3.6]));
      const before = x.slice();
      kernels.formats.roundInsideToGrid(x, table, -3.25, 3.5);
      for (const [i, value] of before.entries()) {
        const inside = value >= -3.25 && value <= 3.5;
        const right = inside ? expected(value, 1, { grid: table, of: 'values', to: 'elements' }) : value;
        expect(x[i]).toBe(right);
      }
      kernels.release(mark);
    }),
  );
});

it('sums prefixes and squared deviations in float64', () => {
  const values = Float32Array.from({ length: 1003 }, (_, i) => Math.sin(i) * 2 ** (i % 20));
  const x = kernels.load(values);
  let sum = 0;
  const sums = [0, ...Array.from(values, (value) => (sum += value))];
  expect([...kernels.formats.prefixSums(x)]).toEqual(sums);
  const squares = values.reduce((total, value) => total + (value - 0.3) ** 2, 0);
  expect(kernels.formats.squaredDeviations(x, 0.3) / squares).toBeCloseTo(1, 12);
});

it('sorts any floats', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true }), { maxLength: 300 }), (values) => {
      const mark = kernels.mark();
      const x = kernels.load(Float32Array.from(values));
      kernels.formats.sort(x);
      expect([...x]).toEqual([...Float32Array.from(values).sort()]);
      kernels.release(mark);
    }),
  );
});
