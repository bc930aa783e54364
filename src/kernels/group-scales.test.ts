import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();

/** Matrices whose groups are short or long, made of whole vectors or not, with a tail or none. */
const matrices = fc
  .record({
    rows: fc.integer({ min: 1, max: 6 }),
    columns: fc.oneof(fc.integer({ min: 1, max: 150 }), fc.constantFrom(16, 32, 48, 64, 128)),
    group: fc.oneof(fc.integer({ min: 1, max: 160 }), fc.constantFrom(4, 8, 16, 32, 64)),
    values: fc.array(fc.oneof(fc.float({ noNaN: true }), fc.constant(0)), { minLength: 1, maxLength: 900 }),
  })
  .map(({ rows, columns, group, values }) => ({
    layout: { columns, group },
    x: Float32Array.from({ length: rows * columns }, (_, i) => values[i % values.length]!),
  }));

function maxima(x: Float32Array, { columns, group }: { columns: number; group: number }): number[] {
  const found: number[] = [];
  for (let row = 0; row < x.length; row += columns)
    for (let c = 0; c < columns; c += group) {
      const part = x.subarray(row + c, row + Math.min(c + group, columns));
      found.push(part.reduce((max, value) => Math.max(max, Math.abs(value)), 0));
    }
  return found;
}

it('groupAbsMax and groupScales are what they say, for any groups', () => {
  fc.assert(
    fc.property(matrices, ({ x, layout }) => {
      const mark = kernels.mark();
      const expected = maxima(x, layout);
      const at = kernels.load(x);
      const out = kernels.floats(expected.length);
      kernels.formats.groupAbsMax(out, at, layout);
      expect([...out]).toEqual(expected);
      kernels.formats.groupScales(out, at, layout, 6);
      expect([...out]).toEqual(expected.map((max) => Math.fround(max / 6) || 1));
      kernels.release(mark);
    }),
    { numRuns: 500 },
  );
});

it('groupAbsMax keeps a NaN, in any place of a group', () => {
  const mark = kernels.mark();
  for (const group of [3, 16, 32, 100])
    for (let place = 0; place < group; place++) {
      const x = kernels.load(new Float32Array(group * 5).fill(1));
      x[2 * group + place] = Number.NaN;
      const out = kernels.floats(5);
      kernels.formats.groupAbsMax(out, x, { columns: group * 5, group });
      expect([...out]).toEqual([1, 1, Number.NaN, 1, 1]);
    }
  kernels.release(mark);
});
