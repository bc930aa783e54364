import { describe, expect, it, onTestFinished } from 'vitest';
import { goldenPath, readGolden } from '../../test/golden.ts';
import { openCheckpoint } from '../checkpoint/index.ts';
import {
  arithmeticAt,
  type DatapathPlan,
  needsCalibration,
  REFERENCE_PLAN,
  wantsOf,
} from '../datapath/index.ts';

import { createGemm, createKernels } from '../kernels/index.ts';
import { parseMachine } from '../machine/index.ts';
import { describeModel, type Matrix } from '../model/index.ts';
import type { LoadedModel } from './load.ts';
import { calibrate, instantiate, type PreparedModel, prepareModel, residentBytes } from './prepare.ts';
import { prepareByLayers } from './prepare-layers.ts';

/** Machines whose weights or scales are fitted, on whole models. */

const FLOAT = '{ activations: { format: float32 } }';

function planOf(weights: string, activations: string, more = ''): DatapathPlan {
  const text = `name: x
operands:
  weights: { format: ${weights} }
  activations: { format: ${activations} }
sites:
  qk: ${FLOAT}
  sv: ${FLOAT}
${more}`;
  return parseMachine(text, 'x.yaml').plan;
}

async function setUp(name: string) {
  const checkpoint = await openCheckpoint(goldenPath(`models/${name}`));
  onTestFinished(() => checkpoint.close());
  const { input_ids: ids } = await readGolden(`models/${name}/expected.safetensors`);
  const length = ids!.shape[1]!;
  const all = [...ids!.data];
  const sequences = Array.from({ length: ids!.shape[0]! }, (_, i) => ({
    tokens: all.slice(i * length, (i + 1) * length),
  }));
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'webassembly' });
  const loaded = { checkpoint, ...describeModel(checkpoint) } as unknown as LoadedModel;
  const everything = { memory: Number.POSITIVE_INFINITY };

  async function prepare(plan: DatapathPlan, memory = everything.memory): Promise<PreparedModel> {
    const { wants, byLayer } = wantsOf(plan);
    if (byLayer) return prepareByLayers(loaded, plan, sequences, kernels, gemm, { memory });
    const reference = await prepareModel(loaded, REFERENCE_PLAN, undefined, kernels, gemm, everything);
    const statistics = needsCalibration(plan)
      ? await calibrate(reference, sequences, kernels, gemm, wants)
      : undefined;
    return prepareModel(loaded, plan, statistics, kernels, gemm, { memory });
  }

  /** Logits of all sequences. */
  async function logits(prepared: PreparedModel): Promise<Float32Array> {
    const { model, close } = await instantiate(prepared, kernels, gemm);
    const mark = kernels.mark();
    const outputs: number[] = [];
    for (const hidden of (await model.hidden(sequences)) as Matrix[]) {
      outputs.push(...(await model.logits(hidden)).data);
    }
    kernels.release(mark);
    await close();
    return Float32Array.from(outputs);
  }

  const error = async (plan: DatapathPlan) => {
    const [exact, found] = [await logits(await prepare(REFERENCE_PLAN)), await logits(await prepare(plan))];
    return exact.reduce((sum, value, i) => sum + (value - found[i]!) ** 2, 0) / exact.length;
  };
  return { loaded, prepare, logits, error, kernels };
}

const MODELS = ['gpt2', 'llama-gqa-rope3', 'opt-350m-like'];

describe.each(MODELS)('%s', (name) => {
  it.each(['gptq', 'awq'])('%s prepares the same weights each time', async (algorithm) => {
    const { prepare, kernels, loaded } = await setUp(name);
    const plan = planOf(`int4, granularity: "group:16", algorithm: ${algorithm}`, 'int8');
    const mark = kernels.mark();
    const first = await prepare(plan);
    expect(kernels.mark()).toBe(mark);
    expect(first.weights!.layers).toHaveLength(loaded.config.layers);
    expect(await prepare(plan)).toEqual(first);
  });

  it.each(['int3', 'int4, granularity: "group:16"', 'olive4', 'mxfp4'])(
    'GPTQ loses less than rounding to the nearest: %s',
    async (weights) => {
      const { error } = await setUp(name);
      const rtn = await error(planOf(weights, 'float32'));
      const gptq = await error(planOf(`${weights}, algorithm: gptq`, 'float32'));
      expect(rtn).toBeGreaterThan(0);
      expect(gptq).toBeLessThan(rtn);
    },
  );

  it('weights that do not fit the memory are refused where they cannot be made again', async () => {
    const { prepare } = await setUp(name);
    await expect(prepare(planOf('int4, algorithm: gptq', 'int8'), 1000)).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringMatching(
        /^GPTQ and AWQ keep the weights that they make, .* GiB, in a memory of /,
      ),
      note: 'raise --memory, or use algorithm: rtn',
    });
  });

  it.each<[string, DatapathPlan]>([
    ['olive4, static', planOf('olive4', 'olive4, granularity: tensor, scale: static')],
    ['int4 x anda', planOf('int4, granularity: "group:128"', 'anda')],
    ['mxfp4', planOf('mxfp4', 'mxfp4')],
    ['smoothed, rotated', planOf('int4', 'int8', 'smoothquant: {}\nhadamard: [o, fc2, down]')],
    [
      're-quantised',
      planOf('int4', 'int6, granularity: tensor, scale: static', 'requantize: [q, k, v, fc1, up]'),
    ],
    [
      'mixed',
      planOf(
        'int3',
        'int8',
        'mixed: { share: 0.5, weights: { format: int8 }, activations: { format: int8 } }',
      ),
    ],
  ])('streamed and resident give the same bits: %s', async (_, plan) => {
    const { prepare, logits } = await setUp(name);
    const [resident, streamed] = [await prepare(plan), await prepare(plan, 0)];
    expect(resident.weights).toBeDefined();
    expect(streamed.weights).toBeUndefined();
    expect(await logits(streamed)).toEqual(await logits(resident));
  });
});

describe('mixed precision', () => {
  const wide = 'weights: { format: int16 }, activations: { format: float32 }';
  const mixed = (share: number, narrow = 'int2', formats = wide) =>
    planOf(narrow, 'float32', `mixed: { share: ${share}, ${formats} }`);

  it('widens no layer, the worst half, or all', async () => {
    const { prepare, error } = await setUp('gpt2');
    const weighted = (await prepare(mixed(1))).plan.exceptions!;
    const ids = Object.keys(weighted);
    expect(ids).toContain('lm_head');
    expect(ids).toContain('0.q');
    expect((await prepare(mixed(0))).plan.exceptions).toEqual({});
    const half = (await prepare(mixed(0.5))).plan;
    expect(Object.keys(half.exceptions!)).toHaveLength(Math.round(ids.length / 2));
    for (const id of ids) {
      const [layer, name] = id.includes('.') ? id.split('.') : [undefined, id];
      const site = { name, layer: layer === undefined ? undefined : Number(layer) } as never;
      const expected = id in half.exceptions! ? 'int16' : 'int2';
      expect(arithmeticAt(half, site).weights).toMatchObject({ format: expected });
    }
    const errors = [await error(mixed(0)), await error(mixed(0.5)), await error(mixed(1))];
    expect(errors[0]).toBe(await error(planOf('int2', 'float32')));
    expect(errors[1]).toBeLessThan(errors[0]!);
    expect(errors[2]).toBe(await error(planOf('int16', 'float32')));
    expect(errors[2]).toBeLessThan(1e-6);
  });

  it('measures int8 sites as others, and counts the memory of the wide ones', async () => {
    const { prepare, loaded } = await setUp('gpt2');
    const narrow = planOf('int8', 'int8');
    const { plan } = await prepare(planOf('int8', 'int8', `mixed: { share: 1, ${wide} }`));
    expect(Object.keys(plan.exceptions!)).toContain('0.fc1');
    const bytes = (each: DatapathPlan) => residentBytes(loaded, each);
    expect(bytes(plan)).toBe(bytes(planOf('int16', 'float32')));
    expect(bytes(plan)).toBeGreaterThan(bytes(narrow));
  });

  it.each([
    ['int3, algorithm: gptq', 'weights: { format: int8, algorithm: gptq }, activations: { format: int8 }'],
    ['int3', 'weights: { format: int8, algorithm: gptq }, activations: { format: int8 }'],
    [
      'int3, algorithm: awq',
      'weights: { format: olive-int8 }, activations: { format: olive-int8, granularity: tensor, scale: static }',
    ],
  ])('the wide formats have what they are fitted on: %s', async (narrow, formats) => {
    const { error } = await setUp('gpt2');
    const all = await error(mixed(1, narrow, formats));
    expect(await error(mixed(0.5, narrow, formats))).toBeGreaterThan(all);
    expect(await error(mixed(0, narrow, formats))).toBeGreaterThan(all);
  });
});
