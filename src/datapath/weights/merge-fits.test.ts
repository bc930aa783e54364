import { expect, it } from 'vitest';
import { mergeFits } from './merge-fits.ts';

/** A fit as a format with a scale of scales, zero points, a table a group and a chosen type may have it. */
function sampleFit(columns: number[], rows: number) {
  const grid = (each: number, of: (r: number, c: number, i: number) => number) =>
    Array.from({ length: rows }, (_, r) =>
      columns.flatMap((c) => Array.from({ length: each }, (_, i) => of(r, c, i))),
    ).flat();
  return {
    scales: Float32Array.from(grid(1, (r, c) => 10 * r + c)),
    zeros: Uint8Array.from(grid(1, (r, c) => r + c)),
    tables: grid(3, (r, c, i) => 100 * r + 10 * c + i),
    rowScales: Float32Array.from({ length: rows }, (_, r) => r + 0.5),
    tensorScale: 2 ** -7,
    type: 'flint',
  };
}

it('groups stand side by side in each row; what does not grow with the columns is kept', () => {
  const whole = sampleFit([0, 1, 2], 4);
  const parts = [0, 1, 2].map((column) => sampleFit([column], 4));
  expect(mergeFits(whole, parts, 4)).toEqual(whole);
  // The values are those of the groups.
  const zero = { ...whole, scales: new Float32Array(12), zeros: new Uint8Array(12) };
  expect(mergeFits(zero, parts, 4)).toEqual(whole);
});

it('one group is its own fit', () => {
  const only = sampleFit([5], 2);
  expect(mergeFits(sampleFit([7], 2), [only], 2)).toBe(only);
});

it('a fit that is neither is refused', () => {
  const whole = { scales: new Float32Array(7) };
  const part = { scales: new Float32Array(2) };
  expect(() => mergeFits(whole, [part, part, part], 2)).toThrow(/"scales" has 7 values, its groups' 6/);
});

it('groups that chose another type than the whole are refused', () => {
  const whole = sampleFit([0, 1], 2);
  const parts = [sampleFit([0], 2), { ...sampleFit([1], 2), type: 'int' }];
  expect(() => mergeFits(whole, parts, 2)).toThrow(/"type" is not the same in all groups/);
});
