import { beforeAll, describe, expect, it } from 'vitest';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { fakeQuantize } from './fake-quantize.ts';
import { createFormat } from './index.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

/** Larger than one block of rows, with its extremes in the last. */
const COLUMNS = 1000;
const x = Float32Array.from({ length: 150 * COLUMNS }, (_, i) => Math.sin(i * 1.7) * 2 ** ((i >> 4) % 9));
x[x.length - 3] = -3000;
x[x.length - 2] = 2000;

describe.each([
  ['int8', {}, 'channel'],
  ['int8', {}, 'tensor'],
  ['int4', { range: 'asymmetric' }, 'tensor'],
  ['int4', { range: 'asymmetric', scale: 7 }, 'tensor'],
  ['float8-e4m3', {}, 'tensor'],
  ['float8-e4m3', { scale: 0.1 }, 'tensor'],
  ['float4-e2m1', {}, 'group:24'],
  ['mxfp4', {}, undefined],
  ['nvfp4', {}, undefined],
  ['bfloat16', {}, undefined],
] as const)('%s %j %s', (name, settings, granularity) => {
  it('by blocks is as in one piece', () => {
    const format = createFormat(name, settings, granularity);
    const mark = kernels.mark();
    const whole = kernels.load(x);
    const fit = format.fit(kernels, whole, COLUMNS);
    format.round(kernels, whole, COLUMNS, fit, 'values');
    const out = new Float32Array(x.length);
    fakeQuantize(kernels, format, x, COLUMNS, out);
    expect(firstDifference(out, whole)).toBe(-1);

    const inPlace = Float32Array.from(x);
    fakeQuantize(kernels, format, inPlace, COLUMNS);
    expect(firstDifference(inPlace, out)).toBe(-1);
    kernels.release(mark);
  });
});

it('a format that says nothing of the whole gets all of it for a scale of the tensor', () => {
  const format = createFormat('int8', {}, 'tensor');
  const silent = new Proxy(format, {
    get: (target, key) => {
      if (key === 'takesFromWhole') return undefined;
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const [expected, found] = [new Float32Array(x.length), new Float32Array(x.length)];
  fakeQuantize(kernels, format, x, COLUMNS, expected);
  fakeQuantize(kernels, silent, x, COLUMNS, found);
  expect(firstDifference(found, expected)).toBe(-1);
});

it('takes no values, and gives back the memory that it took', () => {
  const mark = kernels.mark();
  fakeQuantize(kernels, createFormat('int8'), new Float32Array(), 5);
  fakeQuantize(kernels, createFormat('mxfp4'), new Float32Array(5), 5);
  expect(kernels.mark()).toBe(mark);
  expect(() => fakeQuantize(kernels, createFormat('int8'), new Float32Array(7), 5)).toThrow(
    '7 values in rows',
  );
  expect(() =>
    fakeQuantize(kernels, createFormat('int8'), new Float32Array(5), 5, new Float32Array(4)),
  ).toThrow('5 values into 4');
});

const firstDifference = (a: Float32Array, b: Float32Array) =>
  a.findIndex((value, i) => !Object.is(value, b[i]));
