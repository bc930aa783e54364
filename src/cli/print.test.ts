import { expect, it, vi } from 'vitest';
import { printJson } from './print.ts';

it('prints JSON with lists of numbers on one line, and texts as they are', () => {
  const value = {
    shape: [2, -3.5, 1e-7],
    tricky: '[\n  1,\n  2\n]',
    empty: [],
    mixed: [1, 'a'],
    nested: [[1, 2], [3]],
    lost: [Number.NaN, 1],
    infinite: Number.NEGATIVE_INFINITY,
  };
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  printJson(value);
  const text = log.mock.calls[0]![0] as string;
  log.mockRestore();
  expect(text).toContain('"shape": [2, -3.5, 1e-7],');
  expect(JSON.parse(text)).toEqual({ ...value, lost: ['NaN', 1], infinite: '-Infinity' });
});
