import { describe, expect, it } from 'vitest';
import { createKernels } from '../kernels/index.ts';
import { sample } from '../kernels/oracle.ts';
import { createFormat, type Fit, type TensorFormat } from './index.ts';

const kernels = await createKernels();
type VectorFit = Fit & { coarse: Float32Array; divisors?: Float32Array };

function fitOf(format: TensorFormat, x: Float32Array, columns: number, whole?: VectorFit): VectorFit {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns, whole) as VectorFit;
  kernels.release(mark);
  return fit;
}

function rounded(format: TensorFormat, x: Float32Array, columns: number, fit: Fit): number[] {
  const mark = kernels.mark();
  const values = kernels.load(x);
  format.round(kernels, values, columns, fit, 'elements');
  const elements = Array.from(values);
  kernels.release(mark);
  return elements;
}

/** Rows of vectors of two, by largest magnitude: 105, 7 and 1.75 of 7 codes a side. */
const X = Float32Array.of(105, -60, 7, 3, 1.75, -1, 0, 0);

describe('by hand, 4 bits and 4 bits of a scale', () => {
  const vectors = (more: Record<string, string> = {}) =>
    createFormat('vs-quant', { 'scale-bits': 4, ...more }, 'group:2');

  it('rounds values by the float scale and scales to integers of the coarse one', () => {
    const format = vectors();
    const fit = fitOf(format, X, 8);
    // s = 15, 1, 0.25, 0; γ = 15 / 15; k = 15, 1, 0, 0.
    expect([...fit.coarse]).toEqual([1]);
    expect([...fit.scales]).toEqual([15, 1, 0, 0]);
    expect([...fit.divisors!]).toEqual([15, 1, 0.25, 1]);
    expect(rounded(format, X, 8, fit)).toEqual([7, -4, 7, 3, 7, -4, 0, 0]);
    expect(format.describe!(format.encode(X, 8, fit), 8, fit)).toEqual({ zeroScaleShare: 0.5 });
  });

  it('divides by the scale itself where it is told to', () => {
    const format = vectors({ divisor: 'scale' });
    const x = Float32Array.of(105, -60, 10, 3, 1.75, -1, 0, 0);
    const fit = fitOf(format, x, 8);
    // s of the second vector is 10 / 7, k = 1: 10 saturates, 3 does not shrink to 2.
    expect([...fit.scales]).toEqual([15, 1, 0, 0]);
    expect(rounded(format, x, 8, fit)).toEqual([7, -4, 7, 3, 0, 0, 0, 0]);
    const fine = vectors();
    expect(rounded(fine, x, 8, fitOf(fine, x, 8))).toEqual([7, -4, 7, 2, 7, -4, 0, 0]);
  });

  it('takes a coarse scale a row or one for all', () => {
    const two = Float32Array.of(105, 0, 7, 0, 10.5, 0, 0.7, 0);
    const rows = fitOf(vectors(), two, 4);
    expect([...rows.coarse]).toEqual([1, Math.fround(0.1)]);
    expect([...rows.scales]).toEqual([15, 1, Math.fround(1.5), Math.fround(0.1)]);
    const one = fitOf(vectors({ coarse: 'tensor' }), two, 4);
    expect([...one.coarse]).toEqual([1]);
    expect([...one.scales]).toEqual([15, 1, 2, 0]);
  });
});

it('fits some columns of a matrix as the whole has them', () => {
  for (const coarse of ['row', 'tensor']) {
    const format = createFormat('vs-quant', { coarse, 'scale-bits': 6 });
    const x = sample(4 * 64, 3).map((value, i) => value * (i % 64 < 16 ? 4 : 1));
    const whole = fitOf(format, x, 64);
    for (let vector = 0; vector < 4; vector++) {
      const columns = (row: number) => x.subarray(row * 64 + vector * 16, row * 64 + vector * 16 + 16);
      const part = Float32Array.from([0, 1, 2, 3].flatMap((row) => [...columns(row)]));
      const fit = fitOf(format, part, 16, whole);
      expect([...fit.coarse]).toEqual([...whole.coarse]);
      expect([...fit.scales]).toEqual([0, 1, 2, 3].map((row) => whole.scales[row * 4 + vector]));
      // And single columns with that fit, as a column after column algorithm rounds them.
      const all = rounded(format, part, 16, fit);
      for (let c = 0; c < 16; c++) {
        const column = Float32Array.from([0, 1, 2, 3], (row) => part[row * 16 + c]!);
        expect(rounded(format, column, 1, fit)).toEqual([0, 1, 2, 3].map((row) => all[row * 16 + c]));
      }
    }
    // Values that have grown since: the integer scale ends at 2^6 - 1.
    const grown = fitOf(
      format,
      x.subarray(0, 16).map((value) => value * 100),
      16,
      {
        ...whole,
        coarse: whole.coarse.subarray(0, 1),
      },
    );
    expect(grown.scales[0]).toBe(Math.fround(63 * whole.coarse[0]!));
  }
});

it('takes 4.375 bits a value without the coarse scales', () => {
  const format = createFormat('vs-quant');
  const x = sample(2 * 64, 1);
  const fit = fitOf(format, x, 64);
  expect(format.pack(format.encode(x, 64, fit), 64, fit).bits).toBe(128 * 4.375 + 2 * 32);
});

it.each([3, 4, 5, 6, 7, 8])(
  'writes and reads every code of %i bits but the lowest, which is only read',
  (bits) => {
    const format = createFormat('vs-quant', { bits }, 'group:16');
    const codes = Uint32Array.from({ length: 2 ** bits }, (_, i) => i);
    const ones = new Float32Array(Math.ceil(codes.length / 16)).fill(1);
    const fit = { scales: ones, coarse: Float32Array.of(1) };
    const elements = format.decode(codes, codes.length, fit);
    const lowest = 2 ** (bits - 1);
    expect(elements[lowest]).toBe(-lowest);
    expect(format.unpack(format.pack(codes, codes.length, fit), 1, codes.length)).toEqual({ codes, fit });
    codes[lowest] = lowest + 1;
    expect(format.encode(elements, codes.length, fit)).toEqual(codes);
    // Every middle between codes goes to the even one, in the kernel too.
    const middles = Float32Array.from(codes, (code) => code - lowest + 0.5);
    const expected = middles.map((value) => {
      const even = Math.floor(value) % 2 === 0 ? Math.floor(value) : Math.ceil(value);
      return Math.min(Math.max(even, 1 - lowest), lowest - 1) + 0;
    });
    expect(rounded(format, middles, middles.length, fit)).toEqual([...expected]);
    expect(format.decode(format.encode(middles, middles.length, fit), middles.length, fit)).toEqual(expected);
  },
);

it.each([2, 4, 10])('keeps every integer scale of %i bits', (scaleBits) => {
  const format = createFormat('vs-quant', { 'scale-bits': scaleBits }, 'group:1');
  for (const unit of [1, Math.fround(0.1), Math.fround(1e-38), Math.fround(3e30)]) {
    const scales = Float32Array.from({ length: 2 ** scaleBits }, (_, k) => k * unit);
    const fit = { scales, coarse: Float32Array.of(unit) };
    const codes = new Uint32Array(scales.length);
    expect(format.unpack(format.pack(codes, codes.length, fit), 1, codes.length).fit.scales).toEqual(scales);
  }
});
