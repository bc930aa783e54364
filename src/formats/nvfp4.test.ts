import { beforeAll, expect, it } from 'vitest';
import { readGolden } from '../../test/golden.ts';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { createFormat, type Fit } from './index.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const format = createFormat('nvfp4');

function fitOf(x: Float32Array, columns: number, whole?: Fit, settings = {}) {
  const mark = kernels.mark();
  const fit = createFormat('nvfp4', settings).fit(kernels, kernels.load(x), columns, whole);
  kernels.release(mark);
  return fit as Fit & { tensorScale: number; blockScales: Float32Array };
}

it('agrees with torchao', async () => {
  const golden = await readGolden('microscaling/nvfp4.safetensors');
  const x = golden.input!.data;
  const fit = fitOf(x, 80);
  expect(fit.tensorScale).toBe(golden.tensor_scale!.data[0]);
  const codes = format.encode(x, 80, fit);
  const { sections } = format.pack(codes, 80, fit);
  expect([...sections.blockScales!]).toEqual(Array.from(golden.block_scales!.data, (code) => code & 0xff));
  expect([...format.decode(codes, 80, fit)]).toEqual([...golden.elements!.data]);
  const mark = kernels.mark();
  const values = kernels.load(x);
  format.round(kernels, values, 80, fit, 'values');
  expect([...values]).toEqual([...golden.values!.data]);
  kernels.release(mark);
});

it('takes the largest block to the largest scale, and lifts what would be 0', () => {
  const x = new Float32Array(64);
  x.fill(2688, 0, 16);
  x.fill(6 * 2 ** -9, 16, 32);
  x.fill(1e-10, 32, 48);
  const fit = fitOf(x, 64);
  expect(fit.tensorScale).toBe(1);
  expect([...fit.blockScales]).toEqual([448, 2 ** -9, 2 ** -9, 2 ** -9]);
  expect([...fit.scales]).toEqual([448, 2 ** -9, 2 ** -9, 2 ** -9]);
});

it('keeps the tensor scale of the whole, or that of a setting', () => {
  const whole = fitOf(Float32Array.of(2688 * 4, 1, 2, 3), 4);
  expect(whole.tensorScale).toBe(4);
  const part = fitOf(Float32Array.of(1, 2), 1, whole);
  expect(part.tensorScale).toBe(4);
  // 1 / 6 / 4 and 2 / 6 / 4 in E4M3.
  expect([...part.blockScales]).toEqual([0.04296875, 0.0859375]);
  expect(fitOf(Float32Array.of(1, 2), 1, undefined, { scale: 4 })).toEqual(part);
});

it('has no scale of 0, for zeros and for the smallest numbers', () => {
  expect(fitOf(new Float32Array(16), 16)).toMatchObject({ tensorScale: 1 });
  const fit = fitOf(new Float32Array(16).fill(2 ** -149), 16);
  expect(fit.tensorScale).toBe(2 ** -126);
  expect(fit.scales[0]).toBe(2 ** -135);
});
