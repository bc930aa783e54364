import { beforeAll, describe, expect, it } from 'vitest';
import { createFormat } from '../../formats/index.ts';
import { createGemm, createKernels, type Gemm, type Kernels } from '../../kernels/index.ts';
import { sample } from '../../kernels/oracle.ts';
import type { Site } from '../../model/index.ts';
import type { Calibration } from '../calibration.ts';
import { quantizeGroup, statisticsOf, type WeightMethod } from './quantize-group.ts';
import { carried, correlatedInputs, errorTrace, secondMoments } from './testing.ts';
import { transformInput } from './transform.ts';

let kernels: Kernels;
let gemm: Gemm;
beforeAll(async () => {
  kernels = await createKernels();
  gemm = await createGemm(kernels, { backend: 'webassembly' });
});

const INPUTS = 32;
const ROWS = 120;
const X = correlatedInputs(ROWS, INPUTS, 4, (channel) => (channel % 11 === 3 ? 30 : 1));
const columns = (of: (column: number[]) => number) =>
  Float32Array.from({ length: INPUTS }, (_, c) => of([...X].filter((_, i) => i % INPUTS === c)));
const statistics = {
  input: columns((column) => Math.max(...column.map(Math.abs))),
  output: 1,
  meanAbs: columns((column) => column.reduce((sum, value) => sum + Math.abs(value), 0) / ROWS),
  hessian: secondMoments(X, INPUTS),
};
const calibration: Calibration = { '0.q': statistics, '0.v': statistics };
const group = (['q', 'v'] as const).map(
  (name, i): { site: Site; weight: { data: Float32Array; outputs: number; inputs: number } } => ({
    site: { name, layer: 0 },
    weight: { data: sample(6 * INPUTS, i + 1).map((value) => value ** 3), outputs: 6, inputs: INPUTS },
  }),
);
const format = createFormat('int4', {}, 'group:16');

/** The butterfly of neighbours: 2 x 2 Hadamard, its own inverse. */

/** Output error of a method: what comes out for X, through the transform, against X · Wᵀ. */
async function outputErrorOf(method: WeightMethod): Promise<number> {
  const mark = kernels.mark();
  const { transform, weights } = await quantizeGroup(kernels, gemm, group, format, method, calibration);
  expect(kernels.mark()).toBe(mark);
  const identity = kernels.load(
    Float32Array.from({ length: INPUTS ** 2 }, (_, i) => (i % (INPUTS + 1) === 0 ? 1 : 0)),
  );
  // Row i: what input channel i becomes.
  transformInput(kernels, identity, INPUTS, transform);
  let error = 0;
  for (const [i, { weight }] of group.entries()) {
    const values = carried(format, weights[i]!);
    const e = weight.data.map((value, at) => {
      const [row, channel] = [Math.floor(at / INPUTS), at % INPUTS];
      let sum = 0;
      for (let c = 0; c < INPUTS; c++) sum += identity[channel * INPUTS + c]! * values[row * INPUTS + c]!;
      return value - sum;
    });
    error += errorTrace(e, statistics.hessian, INPUTS);
  }
  kernels.release(mark);
  return error;
}

const hadamard = true;
const PLAIN = { algorithm: { name: 'rtn' } } as const;

describe('every method computes the same product with less error than plain rounding', () => {
  it.each<[string, WeightMethod, number]>([
    ['gptq', { algorithm: { name: 'gptq' } }, 0.6],
    ['gptq in activation order', { algorithm: { name: 'gptq', order: 'activation' } }, 0.6],
    ['awq', { algorithm: { name: 'awq' } }, 0.7],
    ['awq with clipping', { algorithm: { name: 'awq', clip: true } }, 0.7],
    ['smoothing, then rtn', { ...PLAIN, smoothing: 0.5 }, 1],
    ['smoothing, then gptq', { algorithm: { name: 'gptq' }, smoothing: 0.5 }, 0.6],
    ['smoothing, then awq', { algorithm: { name: 'awq' }, smoothing: 0.3 }, 0.7],
    // A rotation spreads the outliers of activations, not the error of weights: gptq alone does that here.
    ['rotation, then gptq', { algorithm: { name: 'gptq' }, hadamard }, 0.6],
    ['smoothing, rotation, then gptq', { algorithm: { name: 'gptq' }, smoothing: 0.5, hadamard }, 0.6],
  ])('%s', async (_, method, share) => {
    expect(await outputErrorOf(method)).toBeLessThan(share * (await outputErrorOf(PLAIN)));
  });

  it('a rotation before plain rounding: another error of the same product', async () => {
    const [turned, plain] = [await outputErrorOf({ ...PLAIN, hadamard }), await outputErrorOf(PLAIN)];
    expect(turned / plain).toBeGreaterThan(0.2);
    expect(turned / plain).toBeLessThan(3);
  });
});

it('what a method needs is what it is refused without', async () => {
  expect(statisticsOf(PLAIN)).toEqual([]);
  for (const name of ['gptq', 'awq'] as const) {
    const method = { algorithm: { name } };
    for (const wanted of statisticsOf(method)) {
      const without = { '0.q': { ...statistics, [wanted]: undefined } } as unknown as Calibration;
      const run = quantizeGroup(kernels, gemm, group, format, method, without);
      await expect(run).rejects.toThrow(`site 0.q: ${name} needs statistics`);
    }
    await expect(quantizeGroup(kernels, gemm, group, format, method, undefined)).rejects.toThrow(
      /needs statistics of calibration data/,
    );
  }
  const method = { algorithm: { name: 'awq' }, hadamard } as const;
  const run = quantizeGroup(kernels, gemm, group, format, method, calibration);
  await expect(run).rejects.toThrow(/AWQ's factors belong to channels/);
});
