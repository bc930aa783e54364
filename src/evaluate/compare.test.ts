import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Machine, parseMachine } from '../machine/index.ts';
import { compare, type EvaluateOptions, evaluate } from './evaluate.ts';
import { type LoadedModel, loadModel } from './load.ts';
import { generateText } from './text.ts';

/* Several machines over one model, from YAML to perplexity, on the demo model. */

let model: LoadedModel;
beforeAll(async () => {
  model = await loadModel('demo-llama', { offline: true });
});
afterAll(() => model.checkpoint.close());

const OPTIONS: EvaluateOptions = { context: 48, metricOptions: { limit: 3 }, workers: 1, divergence: true };

function machine(name: string, weights: string, activations: string, more = ''): Machine {
  const text = `name: ${name}
operands:
  weights: { format: ${weights} }
  activations: { format: ${activations} }
sites:
  qk: { activations: { format: float32 } }
  sv: { activations: { format: float32 } }
${more}`;
  return parseMachine(text, `${name}.yaml`);
}

const results = async (machines: Machine[], options = OPTIONS) =>
  (await compare(model, machines, options)).map(({ result }) => result);

const alone = async (machines: Machine[]) => {
  const all = [];
  for (const each of machines) all.push((await evaluate(model, each, OPTIONS)).result);
  return all;
};

describe('machines that share weights in a comparison compute what they compute alone', () => {
  const fixed = 'int8, granularity: tensor, scale: static';
  it.each<[string, Machine[]]>([
    ['dynamic, then static int8', [machine('a', 'int8', 'int8'), machine('b', 'int8', fixed)]],
    [
      'integers, then outlier-victim pairs, then other integers',
      [machine('a', 'int4', 'int4'), machine('b', 'int4', 'olive4'), machine('c', 'int4', 'int6')],
    ],
    [
      'factors of q, k and v together, then of q alone',
      [
        machine('a', 'int4', 'int8', 'smoothquant: {}'),
        machine('b', 'int4', 'int8', '  q: { activations: { format: int6 } }\nsmoothquant: {}'),
      ],
    ],
    [
      'a static scale, then one of another sample and output',
      [
        machine('a', 'int4', 'int4, granularity: tensor, scale: static'),
        machine('b', 'int4', 'int4, granularity: tensor, scale: static', 'requantize: [up, gate]'),
        machine('c', 'int4', 'int4, granularity: tensor, scale: static, clip: mse'),
      ],
    ],
    [
      'Anda of several lengths',
      [4, 6, 9].map((m) => machine(`m${m}`, 'int4, granularity: "group:128"', `anda, mantissa: ${m}`)),
    ],
  ])('%s', async (_, machines) => {
    const together = await results(machines);
    expect(together).toEqual(await alone(machines));
    // Told apart at all.
    expect(new Set(together.map(({ headline }) => headline.value)).size).toBe(machines.length);
  });
});

it.each([
  ['olive4, static', machine('a', 'olive4', 'olive4, granularity: tensor, scale: static')],
  ['gptq', machine('b', 'int4, granularity: "group:32", algorithm: gptq', 'int8')],
  ['mxfp4', machine('c', 'mxfp4', 'mxfp4')],
])('one worker and two agree bit for bit: %s', async (_, each) => {
  const [one] = await compare(model, [each], OPTIONS);
  const [two] = await compare(model, [each], { ...OPTIONS, workers: 2 });
  expect([one!.record.workers, two!.record.workers]).toEqual([1, 2]);
  expect(two!.result).toEqual(one!.result);
});

it('GPTQ loses less than rounding to the nearest', async () => {
  const [rtn, gptq] = await results([
    machine('a', 'int3', 'float32'),
    machine('b', 'int3, algorithm: gptq', 'float32'),
  ]);
  expect(gptq!.headline.value).toBeLessThan(rtn!.headline.value);
});

it('static scales come from the calibration data, not from the data that is evaluated', async () => {
  const each = machine('a', 'int8', 'int4, granularity: tensor, scale: static, clip: mse');
  const [own] = await results([each]);
  const [other] = await results([each], {
    ...OPTIONS,
    calibration: new URL('../../models/texts/last-word.jsonl', import.meta.url).pathname,
  });
  expect(other!.headline.value).not.toBe(own!.headline.value);
});

it.each([
  ['static scales', machine('a', 'int4', 'olive-int4, granularity: tensor, scale: static')],
  ['GPTQ', machine('b', 'int4, algorithm: gptq', 'anda')],
])('text is generated with %s', async (_, each) => {
  const generate = async () => {
    const generation = await generateText(model, each, 'Once upon a time', {
      tokens: 12,
      temperature: 0,
      seed: 0,
    });
    let text = '';
    for await (const piece of generation.pieces) text += piece;
    expect(generation.tokens).toBe(12);
    return text;
  };
  expect(await generate()).toBe(await generate());
});
