import { beforeAll, describe, expect, it } from 'vitest';
import { readGolden } from '../../../test/golden.ts';
import { createFormat, type TensorFormat } from '../../formats/index.ts';
import { createGemm, createKernels, type Gemm, type Kernels } from '../../kernels/index.ts';
import { roundHalfEven, sample } from '../../kernels/oracle.ts';
import { type GptqOptions, gptq } from './gptq.ts';
import { outputError } from './output-error.ts';
import { rtn } from './rtn.ts';
import { carried, correlatedInputs, difference, errorTrace, secondMoments } from './testing.ts';

let kernels: Kernels;
let gemm: Gemm;
beforeAll(async () => {
  kernels = await createKernels();
  gemm = await createGemm(kernels, { backend: 'webassembly' });
});

const refuse = (): never => {
  throw new Error('not used here');
};

/** Two values of a row coded together, as tools/golden/gptq.py has them: beside an outlier stands a 0. */
const pairs: TensorFormat = {
  name: 'pairs',
  settings: {},
  granularity: 'row',
  granule: 2,
  fit: (_kernels, x, columns) => ({
    scales: Float32Array.from({ length: x.length / columns }, (_, r) => {
      const row = x.subarray(r * columns, (r + 1) * columns);
      return row.reduce((max, value) => Math.max(max, Math.abs(value)), 0) / 28;
    }),
  }),
  round(_kernels, x, columns, { scales }, to) {
    const clamp = (value: number) => Math.min(Math.max(roundHalfEven(value), -7), 7);
    for (let at = 0; at < x.length; at += columns) {
      const scale = scales[at / columns]!;
      for (let c = at; c < at + columns; c += 2) {
        const numbers = [...x.subarray(c, Math.min(c + 2, at + columns))].map((value) => value / scale);
        const [left, right = 0] = numbers.map(Math.abs);
        const victims = Math.max(left!, right) > 7.5;
        for (const [i, number] of numbers.entries()) {
          const kept = i === 0 ? left! >= right : left! < right;
          const element = victims ? (kept ? clamp(number / 4) * 4 : 0) : clamp(number);
          x[c + i] = to === 'values' ? element * scale : element;
        }
      }
    }
  },
  encode: refuse,
  decode: refuse,
  pack: refuse,
  unpack: refuse,
};

const correlated = (inputs: number, seed: number) =>
  secondMoments(correlatedInputs(3 * inputs, inputs, seed), inputs);

describe('against a float64 port of the paper in torch', () => {
  const CASES: Record<string, { format: () => TensorFormat; options: GptqOptions }> = {
    row: { format: () => createFormat('int4'), options: {} },
    'row.activation': { format: () => createFormat('int4'), options: { order: 'activation' } },
    group: { format: () => createFormat('int4', {}, 'group:16'), options: {} },
    'group.activation': {
      format: () => createFormat('int4', {}, 'group:16'),
      options: { order: 'activation' },
    },
    pairs: { format: () => pairs, options: {} },
  };

  it.each(Object.keys(CASES).flatMap((name) => [1, 16, 24, 128].map((block) => [name, block] as const)))(
    '%s, blocks of %i columns: the same elements and scales',
    async (name, block) => {
      const golden = await readGolden('gptq/expected.safetensors');
      const [outputs, inputs] = golden.w!.shape as [number, number];
      const { format, options } = CASES[name]!;
      const weight = { data: golden.w!.data, outputs, inputs };
      const mark = kernels.mark();
      const [found] = await gptq(kernels, gemm, [weight], format(), golden.hessian!.data, {
        ...options,
        block,
      });
      expect(kernels.mark()).toBe(mark);
      const scales = golden[`${name}.scales`]!.data;
      expect(found!.fit.scales).toHaveLength(scales.length);
      for (const [i, scale] of scales.entries()) expect(found!.fit.scales[i]! / scale).toBeCloseTo(1, 5);
      expect(found!.elements).toEqual(golden[`${name}.elements`]!.data);
    },
  );
});

const FORMATS: [string, () => TensorFormat][] = [
  ['int4 row', () => createFormat('int4')],
  ['int3 tensor', () => createFormat('int3', {}, 'tensor')],
  ['int4 group:16', () => createFormat('int4', {}, 'group:16')],
  ['int4 group:10, a tail', () => createFormat('int4', {}, 'group:10')],
  ['int2 group:200, wider than the matrix', () => createFormat('int2', {}, 'group:200')],
  ['int4 asymmetric group:16', () => createFormat('int4', { range: 'asymmetric' }, 'group:16')],
  ['bfloat16', () => createFormat('bfloat16')],
  ['pairs', () => pairs],
];

describe.each(FORMATS)('%s', (_, create) => {
  const [outputs, inputs] = [13, 87];
  const weight = { data: sample(outputs * inputs, 5, 0.2), outputs, inputs };

  it.each(['natural', 'activation'] as const)(
    'inputs that nothing connects, in %s order: RTN, bit for bit',
    async (order) => {
      const identity = new Float32Array(inputs * inputs);
      for (let i = 0; i < inputs; i++) identity[i * inputs + i] = 1 + ((i * 7) % 5);
      const [found] = await gptq(kernels, gemm, [weight], create(), identity, { order, block: 32 });
      expect(found).toEqual(rtn(kernels, weight, create()));
    },
  );

  it.each(['natural', 'activation'] as const)(
    'connected inputs in %s order: less output error than RTN',
    async (order) => {
      const hessian = correlated(inputs, 3);
      const [found] = await gptq(kernels, gemm, [weight], create(), hessian, { order });
      const losses = [rtn(kernels, weight, create()), found!].map((quantized) =>
        errorTrace(difference(weight.data, carried(create(), quantized)), hessian, inputs),
      );
      expect(losses[1]).toBeLessThan(0.7 * losses[0]!);
    },
  );
});

// The second is wider than a block of its product.
it.each([50, 530])('outputError is that error, of %i inputs', async (inputs) => {
  const hessian = correlated(50, 3);
  const wide = Float32Array.from({ length: inputs ** 2 }, (_, i) => {
    const [row, column] = [Math.floor(i / inputs) % 50, (i % inputs) % 50];
    return hessian[row * 50 + column]!;
  });
  const mark = kernels.mark();
  const errors = kernels.load(sample(9 * inputs, 4));
  const found = await outputError(kernels, gemm, errors, wide, inputs);
  expect(found / errorTrace(errors, wide, inputs)).toBeCloseTo(1, 5);
  kernels.release(mark);
});

it('sites that share an input are each what they are alone', async () => {
  const inputs = 40;
  const hessian = correlated(inputs, 1);
  const weights = [6, 3].map((outputs) => ({ data: sample(outputs * inputs, outputs), outputs, inputs }));
  const format = createFormat('int4', {}, 'group:8');
  const both = await gptq(kernels, gemm, weights, format, hessian);
  const alone = [];
  for (const weight of weights) alone.push(...(await gptq(kernels, gemm, [weight], format, hessian)));
  expect(both).toEqual(alone);
});

describe('bad input', () => {
  const weight = { data: sample(8 * 12, 1), outputs: 8, inputs: 12 };

  it('a Hessian of too few samples without damping names the channel and says what to do', async () => {
    const hessian = new Float32Array(144).fill(1);
    await expect(
      gptq(kernels, gemm, [weight], createFormat('int4'), hessian, { damping: 0 }),
    ).rejects.toThrow(/not positive definite at channel \d+ with damping 0/);
    const [found] = await gptq(kernels, gemm, [weight], createFormat('int4'), hessian);
    expect(found!.elements.every(Number.isInteger)).toBe(true);
  });

  it('groups that split pairs', async () => {
    const format = { ...pairs, granularity: { group: 3 } };
    await expect(gptq(kernels, gemm, [weight], format, correlated(12, 1))).rejects.toThrow(
      /groups of 3 split/,
    );
  });
});
