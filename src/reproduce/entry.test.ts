import { describe, expect, test } from 'vitest';
import { compareEntry, geometricMean, type Tolerance } from './entry.ts';

function compare(paper: number, ours: number | undefined, tolerance: Tolerance) {
  return compareEntry({ id: 'x', source: 'Fig. 1', unit: '', paper, ours, tolerance, note: '' });
}

describe('an entry', () => {
  test('relative: the deviation is a share of the published number', () => {
    const entry = compare(4, 5, { kind: 'relative', within: 0.25 });
    expect(entry.deviation).toBe(0.25);
    expect(entry.holds).toBe(true);
    expect(compare(4, 2.9, { kind: 'relative', within: 0.25 }).holds).toBe(false);
  });

  test('absolute: in the unit of the entry, its bound included', () => {
    expect(compare(0.25, 0.26, { kind: 'absolute', within: 0.01 }).holds).toBe(true);
    expect(compare(0.25, 0.2601, { kind: 'absolute', within: 0.01 }).holds).toBe(false);
    expect(compare(0, 0.2, { kind: 'absolute', within: 0.3 }).deviation).toBe(0.2);
  });

  test('exact: off by one does not hold', () => {
    expect(compare(169_875_264, 169_875_264, { kind: 'exact' }).holds).toBe(true);
    expect(compare(169_875_264, 169_875_265, { kind: 'exact' }).holds).toBe(false);
  });

  test('without a number of ours there is no verdict', () => {
    const entry = compare(1, undefined, { kind: 'exact' });
    expect(entry.deviation).toBeUndefined();
    expect(entry.holds).toBeUndefined();
  });
});

test('the geometric mean of 1, 10 and 100 is 10', () => {
  expect(geometricMean([1, 10, 100])).toBeCloseTo(10, 12);
});
