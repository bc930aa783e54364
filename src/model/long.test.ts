import { describe, expect, it, onTestFinished } from 'vitest';
import { goldenPath } from '../../test/golden.ts';
import { openCheckpoint } from '../checkpoint/index.ts';
import { createDatapath, type DatapathPlan, REFERENCE_PLAN } from '../datapath/index.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { describeModel, Model, residentStore, SITE_NAMES, WeightLoader } from './index.ts';

/** Longer than two blocks of a causal attention. GPT-2's and OPT's golden models hold too few positions. */
const LENGTH = 301;
const MODELS = [
  'bloom-6-heads',
  'bloom-8-heads',
  'llama',
  'llama-biases',
  'llama-gqa-rope3',
  'llama-linear-rope',
  'mistral-window',
  'qwen2',
  'qwen3',
];

/** The ends of the pieces that a text is fed in: their attentions have other blocks than the whole one's. */
const PIECES: Record<string, number[]> = {
  '100, 170 and the rest': [100, 270, LENGTH],
  '1, 299 and 1': [1, 300, LENGTH],
  'whole blocks': [128, 256, LENGTH],
  'token by token': Array.from({ length: LENGTH }, (_, i) => i + 1),
};

const INT8_PLAN: DatapathPlan = {
  sites: Object.fromEntries(
    SITE_NAMES.map((name) => [
      name,
      {
        kind: 'integer',
        weights: { format: 'int8', granularity: 'channel' },
        activations: { format: 'int8', granularity: 'token', scale: 'dynamic' },
        requantize: true,
      },
    ]),
  ) as DatapathPlan['sites'],
};

async function loadGolden(name: string, plan: DatapathPlan): Promise<Model> {
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
  const datapath = createDatapath(kernels, gemm, plan);
  const checkpoint = await openCheckpoint(goldenPath(`models/${name}`));
  onTestFinished(() => checkpoint.close());
  const { architecture, config } = describeModel(checkpoint);
  const weights = await new WeightLoader(checkpoint, datapath, architecture, config).resident();
  return new Model(architecture, config, residentStore(weights), datapath);
}

/** Logits of a text that is fed piece by piece over a cache. */
async function fed(model: Model, tokens: number[], ends: readonly number[]): Promise<Float32Array> {
  const { kernels } = model.datapath;
  const cache = model.cache(tokens.length);
  const logits = new Float32Array(tokens.length * model.config.vocabulary);
  let from = 0;
  for (const end of ends) {
    const mark = kernels.mark();
    const [hidden] = await model.hidden([{ tokens: tokens.slice(from, end), cache }]);
    logits.set((await model.logits(hidden!)).data, from * model.config.vocabulary);
    kernels.release(mark);
    from = end;
  }
  return logits;
}

async function whole(model: Model, tokens: number[]): Promise<Float32Array> {
  const { kernels } = model.datapath;
  const mark = kernels.mark();
  const [hidden] = await model.hidden([{ tokens }]);
  const logits = Float32Array.from((await model.logits(hidden!)).data);
  kernels.release(mark);
  return logits;
}

/** No two neighbourhoods alike, so that a key out of place shows. */
function text(vocabulary: number): number[] {
  let state = 1;
  return Array.from({ length: LENGTH }, () => {
    state = (state * 48271) % 0x7fffffff;
    return state % vocabulary;
  });
}

describe.each(MODELS)('a long text on %s at once and in pieces', (name) => {
  it('float32 logits agree to 1e-6', async () => {
    const model = await loadGolden(name, REFERENCE_PLAN);
    expect(model.config.context).toBeGreaterThanOrEqual(LENGTH);
    const tokens = text(model.config.vocabulary);
    const expected = await whole(model, tokens);
    const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    for (const [pieces, ends] of Object.entries(PIECES)) {
      const found = await fed(model, tokens, ends);
      // A difference of NaN is no number, and no less than any.
      const worst = found.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i]!)), 0);
      expect(worst / largest, pieces).toBeLessThan(1e-6);
    }
  });

  it('int8 logits with a scale a token agree', async () => {
    const model = await loadGolden(name, INT8_PLAN);
    const tokens = text(model.config.vocabulary);
    const expected = await whole(model, tokens);
    for (const [pieces, ends] of Object.entries(PIECES)) {
      const found = await fed(model, tokens, ends);
      expect(found.filter((value, i) => value !== expected[i]).length, pieces).toBe(0);
    }
  });
});

it('a sequence in a batch is what it is alone, blocked or not', async () => {
  const model = await loadGolden('bloom-6-heads', REFERENCE_PLAN);
  const { kernels } = model.datapath;
  const tokens = text(model.config.vocabulary);
  const mark = kernels.mark();
  const found: number[][] = [];
  for (const hidden of await model.hidden([{ tokens }, { tokens: tokens.slice(0, 40) }]))
    found.push([...(await model.logits(hidden)).data]);
  kernels.release(mark);
  expect(found[0]).toEqual([...(await whole(model, tokens))]);
  expect(found[1]).toEqual([...(await whole(model, tokens.slice(0, 40)))]);
});
