import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { type LoadedModel, loadModel, type Progress } from '../evaluate/index.ts';
import { loadMachine } from '../machine/index.ts';
import { type PrecisionSearchOptions, searchMachinePrecision } from './machine-precision.ts';
import { SITE_CLASSES } from './site-classes.ts';
import { readVariation } from './variation.ts';

let model: LoadedModel;
beforeAll(async () => {
  model = await loadModel('demo-llama');
});
afterAll(() => model.checkpoint.close());

/** Activations in bfloat16, tf32 or float32 on a machine with tf32 weights. */
async function options(more: Partial<PrecisionSearchOptions> = {}): Promise<PrecisionSearchOptions> {
  return {
    base: await loadMachine('tf32'),
    classes: SITE_CLASSES,
    variation: readVariation({ vary: 'activations.format', formats: ['bfloat16', 'tf32', 'float32'] }),
    tolerance: 0,
    iterations: 3,
    evaluation: { context: 32, metricOptions: { limit: 2 }, workers: 1 },
    ...more,
  };
}

describe('the search on a model', () => {
  it('encodes weights once where steps differ in activations only', async () => {
    const prepared: string[] = [];
    const evaluated = new Set<string>();
    const onProgress = ({ subject, stage, done }: Progress) => {
      if (stage === 'weights' && done === 1) prepared.push(subject);
      if (stage === 'evaluation') evaluated.add(subject);
    };
    const given = await options();
    const { steps } = await searchMachinePrecision(model, {
      ...given,
      evaluation: { ...given.evaluation, onProgress },
    });
    expect(prepared).toEqual(['tf32-float16']);
    expect(evaluated.size).toBe(steps.length + 1);
  });

  it('encodes them anew where the weights are what is varied', async () => {
    const prepared: string[] = [];
    const given = await options({
      variation: readVariation({ vary: 'weights.format', formats: ['bfloat16', 'tf32', 'float32'] }),
      iterations: 2,
      tolerance: 1e-9,
    });
    const onProgress = ({ subject, stage, done }: Progress) => {
      if (stage === 'weights' && done === 1) prepared.push(subject);
    };
    const { steps } = await searchMachinePrecision(model, {
      ...given,
      evaluation: { ...given.evaluation, onProgress },
    });
    const names = steps.map(({ combination }) => `tf32-${combination.join('-')}`);
    expect(prepared).toEqual(['tf32-float16', ...names]);
  });

  it('reports the reference and each step as it happens, and which of them the log had', async () => {
    const log = join(await temporaryFolder(), 'log.jsonl');
    const run = async () => {
      const events: string[] = [];
      const result = await searchMachinePrecision(
        model,
        await options({
          log,
          onReference: ({ name }) => events.push(name),
          onStep: ({ step, verdict }, replayed) => events.push(`${step} ${verdict} ${replayed}`),
        }),
      );
      return { events, result };
    };
    const first = await run();
    const { steps } = first.result;
    expect(first.events).toEqual([
      'tf32-float16',
      ...steps.map(({ step, verdict }) => `${step} ${verdict} false`),
    ]);
    // All but the last step: that one is evaluated again.
    writeFileSync(log, readFileSync(log, 'utf8').replace(/[^\n]*\n$/, ''));
    const second = await run();
    expect(second.result).toEqual({ ...first.result, replayed: steps.length - 1 });
    expect(second.events.map((event) => event.endsWith('true'))).toEqual([
      false,
      ...steps.map(({ step }) => step < steps.length),
    ]);
  });

  it('takes a failed step for one that is not good enough', async () => {
    const log = join(await temporaryFolder(), 'log.jsonl');
    await searchMachinePrecision(model, await options({ log }));
    const lines = readFileSync(log, 'utf8').split('\n');
    const step = { ...JSON.parse(lines[2]!), metric: 'NaN' };
    writeFileSync(log, `${[...lines.slice(0, 2), JSON.stringify(step)].join('\n')}\n`);
    const { steps } = await searchMachinePrecision(model, await options({ log, iterations: 1 }));
    expect(steps).toMatchObject([{ metric: Number.NaN, verdict: 'rejected' }]);
  });

  it.each([
    [{ tolerance: -0.1 }, '--tolerance: expected a share from 0 to 1, found -0.1'],
    [{ tolerance: Number.NaN }, '--tolerance: expected a share from 0 to 1, found NaN'],
    [{ iterations: 0 }, '--iterations: expected a whole number of at least 1, found 0'],
    [{ iterations: 1.5 }, '--iterations: expected a whole number of at least 1, found 1.5'],
    [{ start: { from: 4, to: 13 } }, '--start: expected a range within 16..32, found 4..13'],
  ])('%j is bad input', async (more, expected) => {
    expect(await inputErrorOf(searchMachinePrecision(model, await options(more)))).toContain(expected);
  });

  it('asks for another reference where the base cannot have float16', async () => {
    const base = await loadMachine('int8');
    const found = await inputErrorOf(searchMachinePrecision(model, await options({ base })));
    expect(found).toContain('--reference: int8 cannot have activations in float16');
    expect(found).toContain('name a machine to compare with, such as float32');
  });
});
