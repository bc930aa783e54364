import { beforeAll, describe, expect, it } from 'vitest';
import { createFormat, type TensorFormat } from '../../formats/index.ts';
import { createGemm, createKernels, type Gemm, type Kernels } from '../../kernels/index.ts';
import { sample } from '../../kernels/oracle.ts';
import { awq, awqFactors } from './awq.ts';
import { rtn } from './rtn.ts';
import { carried, correlatedInputs, difference, errorTrace, secondMoments } from './testing.ts';

let kernels: Kernels;
let gemm: Gemm;
beforeAll(async () => {
  kernels = await createKernels();
  gemm = await createGemm(kernels, { backend: 'webassembly' });
});

const INPUTS = 48;
const ROWS = 150;
/** Three channels are outliers, as activations have them. */
const X = correlatedInputs(ROWS, INPUTS, 2, (channel) => ([5, 20, 33].includes(channel) ? 40 : 1));
const HESSIAN = secondMoments(X, INPUTS);
const MEAN_ABS = Float32Array.from({ length: INPUTS }, (_, channel) => {
  let sum = 0;
  for (let r = 0; r < ROWS; r++) sum += Math.abs(X[r * INPUTS + channel]!);
  return sum / ROWS;
});
const STATISTICS = { meanAbs: MEAN_ABS, hessian: HESSIAN };
/** Most weights are small beside the largest, as in trained models. */
const WEIGHTS = [9, 14].map((outputs) => ({
  data: sample(outputs * INPUTS, outputs).map((value) => value ** 3),
  outputs,
  inputs: INPUTS,
}));

/** Output error with an exponent, by the oracle of the format. */
function errorOf(format: TensorFormat, alpha: number): number {
  const powers = Array.from(MEAN_ABS, (mean) => mean ** alpha);
  const middle = Math.sqrt(Math.min(...powers) * Math.max(...powers));
  let error = 0;
  for (const { data } of WEIGHTS) {
    const scaled = data.map((value, i) => value * (powers[i % INPUTS]! / middle));
    const mark = kernels.mark();
    const fit = format.fit(kernels, kernels.load(scaled), INPUTS);
    kernels.release(mark);
    const elements = format.decode(format.encode(scaled, INPUTS, fit), INPUTS, fit);
    const values = carried(format, { elements, fit, inputs: INPUTS });
    const e = difference(values, scaled).map((value, i) => value / (powers[i % INPUTS]! / middle));
    error += errorTrace(e, HESSIAN, INPUTS);
  }
  return error;
}

const FORMATS: [string, () => TensorFormat][] = [
  ['int4 row', () => createFormat('int4')],
  ['int3 group:16', () => createFormat('int3', {}, 'group:16')],
  ['int4 tensor', () => createFormat('int4', {}, 'tensor')],
];

describe.each(FORMATS)('%s', (_, create) => {
  it('takes the exponent of least output error', async () => {
    const format = create();
    const { alpha, error } = await awq(kernels, gemm, WEIGHTS, format, STATISTICS);
    const errors = Array.from({ length: 20 }, (_, step) => errorOf(format, step / 20));
    const least = Math.min(...errors);
    expect(error / least).toBeCloseTo(1, 4);
    expect(errors[Math.round(alpha * 20)]! / least).toBeCloseTo(1, 4);
  });

  it('with outlier channels: well below RTN, and what it returns has that error', async () => {
    const format = create();
    const { transform, weights, error } = await awq(kernels, gemm, WEIGHTS, format, STATISTICS);
    const { input, weight: factors } = transform.diagonal!;
    let found = 0;
    let plain = 0;
    for (const [i, { data }] of WEIGHTS.entries()) {
      const values = carried(format, weights[i]!).map((value, at) => value * input[at % INPUTS]!);
      found += errorTrace(difference(data, values), HESSIAN, INPUTS);
      const nearest = carried(format, rtn(kernels, WEIGHTS[i]!, format));
      plain += errorTrace(difference(data, nearest), HESSIAN, INPUTS);
    }
    expect(found / error).toBeCloseTo(1, 4);
    expect(found).toBeLessThan(0.75 * plain);
    expect([...input]).toEqual(Array.from(factors, (factor) => Math.fround(1 / factor)));
  });

  it('clipping lessens the error of what it is asked for only', async () => {
    const format = create();
    const all = await awq(kernels, gemm, WEIGHTS, format, STATISTICS);
    const mark = kernels.mark();
    const half = await awq(kernels, gemm, WEIGHTS, format, STATISTICS, { clip: (i) => i === 1 });
    expect(kernels.mark()).toBe(mark);
    expect(half.weights[0]).toEqual(all.weights[0]);
    const errors = [all, half].map(({ weights, transform }) => {
      const values = carried(format, weights[1]!).map(
        (value, at) => value * transform.diagonal!.input[at % INPUTS]!,
      );
      return errorTrace(difference(WEIGHTS[1]!.data, values), HESSIAN, INPUTS);
    });
    expect(errors[1]).toBeLessThan(errors[0]!);
  });
});

it('factors: at least 1e-4 before the middle of the smallest and the largest becomes 1', () => {
  const factors = awqFactors(Float32Array.of(4, 1, 0, 9), 0.5);
  const middle = Math.sqrt(3 * 1e-4);
  expect([...factors]).toEqual([2, 1, 1e-4, 3].map((factor) => expect.closeTo(factor / middle, 3)));
  expect([...awqFactors(Float32Array.of(4, 1, 0, 9), 0)]).toEqual([1, 1, 1, 1]);
});

it('inputs of one size: the factors are 1, and the weights those of RTN', async () => {
  const identity = new Float32Array(INPUTS * INPUTS);
  for (let i = 0; i < INPUTS; i++) identity[i * INPUTS + i] = 2;
  const format = createFormat('int4');
  const statistics = { meanAbs: new Float32Array(INPUTS).fill(0.8), hessian: identity };
  const { transform, weights } = await awq(kernels, gemm, WEIGHTS, format, statistics);
  expect(new Set(transform.diagonal!.weight)).toEqual(new Set([1]));
  expect(weights).toEqual(WEIGHTS.map((weight) => rtn(kernels, weight, format)));
});
