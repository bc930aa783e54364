import { beforeAll, describe, expect, it } from 'vitest';
import { type GoldenTensor, readGolden } from '../../test/golden.ts';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { createFormat, type TensorFormat } from './index.ts';
import { codeTable, NUMBER_TYPES } from './number-types.ts';

/* The formats of test/golden/codebooks, made by tools/golden/codebooks.py with bitsandbytes and NumPy. */

let kernels: Kernels;
let weights: GoldenTensor;
beforeAll(async () => {
  kernels = await createKernels();
  weights = (await readGolden('codebooks/weights.safetensors')).input!;
});

/** Fit, elements and values of the fast path. */
function run(format: TensorFormat, x: Float32Array, columns: number) {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  const [elements, values] = [kernels.load(x), kernels.load(x)];
  format.round(kernels, elements, columns, fit, 'elements');
  format.round(kernels, values, columns, fit, 'values');
  kernels.release(mark);
  const codes = format.encode(x, columns, fit);
  return {
    fit,
    codes,
    elements: [...elements],
    values: [...values],
    described: format.describe?.(codes, columns, fit),
  };
}

it('nf4: codes, scales and values of bitsandbytes', async () => {
  const golden = await readGolden('codebooks/nf4.safetensors');
  const { fit, codes, values } = run(createFormat('nf4'), weights.data, weights.shape[1]!);
  expect([...codes]).toEqual([...golden.codes!.data]);
  // A block of zeros has scale 0 there.
  expect([...fit.scales]).toEqual(Array.from(golden.scales!.data, (scale) => scale || 1));
  expect(values).toEqual([...golden.values!.data]);
});

describe('ant', () => {
  it.each([3, 4, 5])('%i bits: type, scales and elements', async (bits) => {
    const golden = await readGolden('codebooks/ant.safetensors');
    const { fit, elements, described } = run(createFormat('ant', { bits }), weights.data, weights.shape[1]!);
    expect(described).toEqual({ type: NUMBER_TYPES[golden[`${bits}.type`]!.data[0]!] });
    expect([...fit.scales]).toEqual([...golden[`${bits}.scales`]!.data]);
    expect(elements).toEqual([...golden[`${bits}.elements`]!.data]);
  });

  it.each([
    ['uniform', 0, 'int'],
    ['laplace', 8, 'pot'],
  ])('%s rows', async (name, first, type) => {
    const golden = await readGolden('codebooks/ant.safetensors');
    const columns = weights.shape[1]!;
    const part = weights.data.subarray(first * columns, (first + 8) * columns);
    const { fit, described } = run(createFormat('ant'), part, columns);
    expect(NUMBER_TYPES[golden[`${name}.type`]!.data[0]!]).toBe(type);
    expect(described).toEqual({ type });
    expect([...fit.scales]).toEqual([...golden[`${name}.scales`]!.data]);
  });

  it('tables of every width', async () => {
    const golden = await readGolden('codebooks/ant.safetensors');
    for (let bits = 3; bits <= 8; bits++) {
      for (const type of ['flint', 'float'] as const)
        expect([...codeTable(type, bits).grid.entries]).toEqual([...golden[`${type}${bits}`]!.data]);
    }
    expect([...codeTable('float', 4, 2).grid.entries]).toEqual([...golden.e2m1!.data]);
  });
});

it('int4 with clipped scales', async () => {
  const golden = await readGolden('codebooks/int4-clipped.safetensors');
  const { fit, elements } = run(createFormat('int4', { clip: 'mse' }), weights.data, weights.shape[1]!);
  expect([...fit.scales]).toEqual([...golden.scales!.data]);
  expect(elements).toEqual([...golden.elements!.data]);
});

it('adaptivfloat at several widths, as the code and as the paper', async () => {
  const { input, ...golden } = await readGolden('codebooks/adaptivfloat.safetensors');
  expect(Object.keys(golden).length).toBe(11);
  for (const [name, { data }] of Object.entries(golden)) {
    const [variant, bits, exponent] = name.split('.');
    const { values } = run(createFormat('adaptivfloat', { variant, bits, exponent }), input!.data, 128);
    // The port has -0 for the sign of a small value.
    expect(values, name).toEqual(Array.from(data, (value) => value || 0));
  }
});

it.each([3, 4])('gobo: %i bits', async (bits) => {
  const golden = await readGolden('codebooks/gobo.safetensors');
  const { codes, values, described } = run(createFormat('gobo', { bits }), weights.data, 128);
  const centroids = described!.centroids as number[];
  const expected = [...golden[`${bits}.centroids`]!.data];
  for (const [k, centroid] of centroids.entries())
    expect(Math.abs(centroid - expected[k]!)).toBeLessThan(1e-6 * Math.abs(expected[k]!));
  const outliers = [...golden[`${bits}.outliers`]!.data];
  expect(Array.from(codes, (code) => Number(code >= 2 ** bits))).toEqual(outliers);
  for (const [i, value] of golden[`${bits}.values`]!.data.entries()) {
    if (outliers[i]) expect(values[i]).toBe(value);
    else expect(Math.abs(values[i]! - value)).toBeLessThan(1e-6 * Math.abs(value));
  }
});

it('olaccel: scale and integers', async () => {
  const golden = await readGolden('codebooks/olaccel.safetensors');
  const { fit, elements } = run(createFormat('olaccel'), weights.data, 128);
  expect([...fit.scales]).toEqual([...golden.scale!.data]);
  expect(elements).toEqual([...golden.elements!.data]);
  expect(Math.max(...elements)).toBeGreaterThan(30);
});
