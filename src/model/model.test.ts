import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type GoldenTensor, goldenPath, readGolden } from '../../test/golden.ts';
import { openCheckpoint } from '../checkpoint/index.ts';
import { createDatapath, REFERENCE_PLAN } from '../datapath/index.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { generate } from './generate.ts';
import { describeModel, Model, residentStore, WeightLoader } from './index.ts';

const MODELS = readdirSync(goldenPath('models'));
const BACKENDS = ['onnxruntime', 'webassembly'] as const;

async function loadGolden(
  name: string,
  backend: (typeof BACKENDS)[number],
  streaming = false,
): Promise<Model> {
  const kernels = await createKernels();
  const datapath = createDatapath(
    kernels,
    await createGemm(kernels, { backend, threads: 1 }),
    REFERENCE_PLAN,
  );
  const checkpoint = await openCheckpoint(goldenPath(`models/${name}`));
  const { architecture, config } = describeModel(checkpoint);
  const loader = new WeightLoader(checkpoint, datapath, architecture, config);
  onTestFinished(() => checkpoint.close());
  const store = streaming ? await loader.streaming() : residentStore(await loader.resident());
  return new Model(architecture, config, store, datapath);
}

/** Row of a golden [batch, length] tensor of ids. */
function row({ data, shape }: GoldenTensor, index: number): number[] {
  const length = shape[1]!;
  return [...data.subarray(index * length, (index + 1) * length)];
}

async function logitsOf(model: Model, tokens: number[], types?: number[]): Promise<Float32Array> {
  const { kernels } = model.datapath;
  const mark = kernels.mark();
  const [hidden] = await model.hidden([{ tokens, types }]);
  const out = Float32Array.from((await model.logits(hidden!)).data);
  kernels.release(mark);
  return out;
}

/** Largest difference over the largest magnitude. */
function relativeError(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  let difference = 0;
  let magnitude = 0;
  for (const [i, value] of expected.entries()) {
    // Math.max would let a NaN in `found` through as NaN, which no bound accepts.
    difference = Math.max(difference, Math.abs(found[i]! - value));
    magnitude = Math.max(magnitude, Math.abs(value));
  }
  return difference / magnitude;
}

describe.each(BACKENDS)('logits agree with transformers to 1e-4 (%s)', (backend) => {
  it.each(MODELS)('%s', async (name) => {
    const golden = await readGolden(`models/${name}/expected.safetensors`);
    const model = await loadGolden(name, backend);
    const { input_ids: ids, token_type_ids: types, logits } = golden;
    const batch = ids!.shape[0]!;
    const size = logits!.data.length / batch;
    for (let i = 0; i < batch; i++) {
      const found = await logitsOf(model, row(ids!, i), types && row(types, i));
      expect(relativeError(found, logits!.data.subarray(i * size, (i + 1) * size))).toBeLessThan(1e-4);
    }
  });
});

describe('decoders', () => {
  const decoders = MODELS.filter((name) => !name.startsWith('bert'));

  it.each(decoders)('%s: prefill and decode with a cache agree', async (name) => {
    const { input_ids: ids } = await readGolden(`models/${name}/expected.safetensors`);
    const model = await loadGolden(name, 'onnxruntime');
    const { kernels } = model.datapath;
    const tokens = row(ids!, 0);
    const whole = await logitsOf(model, tokens);
    const cache = model.cache(tokens.length);
    const parts: number[] = [];
    // A first part at once, one in the middle of several tokens, the rest one by one.
    for (const [from, to] of [[0, 5], [5, 9], ...tokens.slice(9).map((_, i) => [9 + i, 10 + i])] as [
      number,
      number,
    ][]) {
      const mark = kernels.mark();
      const [hidden] = await model.hidden([{ tokens: tokens.slice(from, to), cache }]);
      parts.push(...(await model.logits(hidden!)).data);
      kernels.release(mark);
    }
    expect(relativeError(Float32Array.from(parts), whole)).toBeLessThan(1e-5);
  });

  it.each(decoders)('%s: greedy generation is that of transformers', async (name) => {
    const { input_ids: ids, greedy } = await readGolden(`models/${name}/expected.safetensors`);
    const model = await loadGolden(name, 'onnxruntime');
    const expected = [...greedy!.data];
    const tokens: number[] = [];
    for await (const token of generate(model, row(ids!, 0).slice(0, 8), { tokens: expected.length }))
      tokens.push(token);
    expect(tokens).toEqual(expected);
  });
});

describe('weights', () => {
  it('streams layer by layer with the same bits', async () => {
    const { input_ids: ids } = await readGolden('models/llama-gqa-rope3/expected.safetensors');
    const resident = await loadGolden('llama-gqa-rope3', 'onnxruntime');
    const streamed = await loadGolden('llama-gqa-rope3', 'onnxruntime', true);
    const tokens = row(ids!, 0);
    expect(await logitsOf(streamed, tokens)).toEqual(await logitsOf(resident, tokens));
  });

  it('refuses an empty text and one beyond the context', async () => {
    const resident = await loadGolden('llama-gqa-rope3', 'onnxruntime');
    await expect(resident.hidden([{ tokens: [] }])).rejects.toThrow('the text is empty');
    const long = new Uint8Array(resident.config.context + 1);
    await expect(resident.hidden([{ tokens: long }])).rejects.toThrow(
      `context holds ${resident.config.context}`,
    );
  });

  it('refuses a token outside the vocabulary', async () => {
    const resident = await loadGolden('llama-gqa-rope3', 'onnxruntime');
    await expect(resident.hidden([{ tokens: [resident.config.vocabulary] }])).rejects.toThrow(
      'outside the embedding table',
    );
  });
});
