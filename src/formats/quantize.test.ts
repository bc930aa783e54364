import { beforeAll, describe, expect, it } from 'vitest';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { createFormat, FORMATS, matrixShape, quantize, quantizeNumbers } from './index.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const random = (length: number) => {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = Math.sin(i * 12.9898) * Math.exp(Math.cos(i * 78.233));
  return values;
};

/** A tensor through a format, in any buffer. */
function through(
  name: string,
  x: Float32Array,
  shape: readonly number[],
  granularity?: string,
  settings = {},
) {
  const mark = kernels.mark();
  const result = quantize(kernels, kernels.load(x), shape, createFormat(name, settings, granularity));
  const values = Float32Array.from(result.values);
  kernels.release(mark);
  return { ...result, values };
}

describe('the report', () => {
  it('is what a plain loop says of the values', () => {
    const x = random(6 * 50);
    const { report, values, fit } = through('int4', x, [6, 50], 'group:16');
    let [signal, noise, worst] = [0, 0, 0];
    for (const [i, value] of x.entries()) {
      signal += value * value;
      noise += (value - values[i]!) ** 2;
      worst = Math.max(worst, Math.abs(value - values[i]!));
    }
    expect(report.mse).toBeCloseTo(noise / 300, 9);
    expect(report.snrDb).toBeCloseTo(10 * Math.log10(signal / noise), 4);
    expect(report.maxError).toBeCloseTo(worst, 6);
    // Three groups of 16 and one of 2 a row, a float32 scale each.
    expect(fit.scales).toHaveLength(24);
    expect(report).toMatchObject({
      format: 'int4',
      settings: { range: 'symmetric' },
      granularity: 'group:16',
      shape: [6, 50],
      bitsPerValue: (300 * 4 + 24 * 32) / 300,
    });
  });

  it('has no scale where a format takes none, and loses nothing in float32', () => {
    const { report } = through('float32', random(8), [2, 4]);
    expect(report).toMatchObject({ granularity: 'none', bitsPerValue: 32, mse: 0, maxError: 0 });
    expect(report.snrDb).toBe(Number.POSITIVE_INFINITY);
  });

  it('shows an overflow to infinity as such', () => {
    const { report } = through('float16', new Float32Array([1, 1e6]), [2]);
    expect(report).toMatchObject({ mse: Number.POSITIVE_INFINITY, maxError: Number.POSITIVE_INFINITY });
    expect(report.snrDb).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('shapes', () => {
  it('of any rank have the last axis as columns', () => {
    expect(matrixShape([2, 3, 4])).toEqual({ rows: 6, columns: 4 });
    expect(matrixShape([4])).toEqual({ rows: 1, columns: 4 });
    expect(matrixShape([])).toEqual({ rows: 1, columns: 1 });
    const x = random(24);
    expect(through('int8', x, [2, 3, 4]).fit.scales).toEqual(through('int8', x, [6, 4]).fit.scales);
    expect(through('int8', x, [24]).fit.scales).toEqual(through('int8', x, [1, 24], 'tensor').fit.scales);
    expect(() => through('int8', x, [5, 5])).toThrow('expected 25 values, found 24');
  });

  it('may have a group that is longer than a row or does not divide it', () => {
    const x = random(14);
    expect(through('int4', x, [2, 7], 'group:64').values).toEqual(
      through('int4', x, [2, 7], 'channel').values,
    );
    expect(through('int4', x, [2, 7], 'group:5').fit.scales).toHaveLength(4);
  });
});

describe.each(Object.keys(FORMATS))('%s', (name) => {
  it('takes zeros, tensors without values and a single value', () => {
    expect(through(name, new Float32Array(0), [0, 7]).report).toMatchObject({
      shape: [0, 7],
      bitsPerValue: 0,
      mse: 0,
      snrDb: Number.POSITIVE_INFINITY,
    });
    const zeros = through(name, new Float32Array(30), [2, 15]);
    expect(zeros.report.bitsPerValue).toBeGreaterThan(1);
    if (zeros.report.mse === 0) expect(zeros.report.snrDb).toBe(Number.POSITIVE_INFINITY);
    else expect(zeros.report.snrDb).toBe(Number.NEGATIVE_INFINITY);
    expect(through(name, new Float32Array([0.75]), []).values).toHaveLength(1);
  });

  it('says how many values are not finite and which is the first', () => {
    const x = random(12);
    x[7] = Number.NaN;
    expect(() => through(name, x, [3, 4])).toThrow('found 1 that is not: element 7 is NaN');
    x[5] = Number.NEGATIVE_INFINITY;
    expect(() => through(name, x, [3, 4])).toThrow('found 2 that are not, the first: element 5 is -Infinity');
  });

  it('shows the code of a number', () => {
    const format = createFormat(name);
    const x = new Float32Array([1.5, -2.25, 0, 7]);
    const { numbers, report } = quantizeNumbers(kernels, x, format);
    expect(numbers.map((number) => number.x)).toEqual([...x]);
    expect(numbers.map(({ value }) => value)).toEqual([...through(name, x, [4]).values]);
    expect(report.shape).toEqual([4]);
  });
});

it('a large tensor is rounded whole; the oracle sees its first rows, or all where codes are asked for', () => {
  const shape = [4200, 4096];
  const x = new Float32Array(4200 * 4096);
  x.set(random(4096));
  for (let row = 1; row < 4200; row++) x.copyWithin(row * 4096, 0, 4096);
  const mark = kernels.mark();
  const { report, codes, fit } = quantize(kernels, kernels.load(x), shape, createFormat('int8'));
  kernels.release(mark);
  expect(codes).toBeUndefined();
  expect(fit.scales).toHaveLength(4200);
  expect(report).toMatchObject({ sampledValues: 2 ** 20, bitsPerValue: 8 + 32 / 4096 });
  expect(report.maxError).toBeLessThanOrEqual(fit.scales[0]! * 0.5001);
});
