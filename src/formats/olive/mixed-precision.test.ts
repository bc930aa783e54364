import { expect, it } from 'vitest';
import { eightBitLayers } from './mixed-precision.ts';

it('takes the layers of the largest errors, the earlier one of equals', () => {
  const errors = [0.1, 0.5, 0.2, 0.5, 0.05, 0.2];
  expect(eightBitLayers(errors, 0)).toEqual([]);
  expect(eightBitLayers(errors, 1 / 6)).toEqual([1]);
  expect(eightBitLayers(errors, 0.5)).toEqual([1, 2, 3]);
  expect(eightBitLayers(errors, 1)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(eightBitLayers([3, 1, 2], 0.5)).toEqual([0, 2]);
  expect(eightBitLayers([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1], 0.34)).toEqual([0]);
  expect(eightBitLayers([], 0.5)).toEqual([]);
});

it('says what is wrong', () => {
  expect(() => eightBitLayers([1], 1.5)).toThrow('share of 8-bit layers from 0 to 1, found 1.5');
  expect(() => eightBitLayers([1], Number.NaN)).toThrow('found NaN');
  expect(() => eightBitLayers([1, Number.NaN], 0.5)).toThrow('layer 1 has no error');
});
