import { describe, expect, it, onTestFinished } from 'vitest';
import { goldenPath, readGolden } from '../../test/golden.ts';
import { openCheckpoint } from '../checkpoint/index.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { type Datapath, describeModel, Model, residentStore, siteId, WeightLoader } from '../model/index.ts';
import { type Calibration, CalibrationDatapath } from './calibration.ts';
import { createDatapath } from './machine-datapath.ts';
import { REFERENCE_PLAN } from './plan.ts';

const MODELS = {
  'llama-gqa-rope3': ['q', 'k', 'v', 'qk', 'sv', 'o', 'gate', 'up', 'down'],
  opt: ['q', 'k', 'v', 'qk', 'sv', 'o', 'fc1', 'fc2'],
};
const NAMES = Object.keys(MODELS) as (keyof typeof MODELS)[];

async function floatDatapath(): Promise<Datapath> {
  const kernels = await createKernels();
  return createDatapath(kernels, await createGemm(kernels, { backend: 'auto', threads: 1 }), REFERENCE_PLAN);
}

async function loadModel(name: string, datapath: Datapath): Promise<Model> {
  const checkpoint = await openCheckpoint(goldenPath(`models/${name}`));
  onTestFinished(() => checkpoint.close());
  const { architecture, config } = describeModel(checkpoint);
  const weights = await new WeightLoader(checkpoint, datapath, architecture, config).resident();
  return new Model(architecture, config, residentStore(weights), datapath);
}

async function logitsOf(model: Model, ...texts: number[][]): Promise<number[]> {
  const { kernels } = model.datapath;
  const mark = kernels.mark();
  const logits: number[] = [];
  for (const hidden of await model.hidden(texts.map((tokens) => ({ tokens }))))
    logits.push(...(await model.logits(hidden)).data);
  kernels.release(mark);
  return logits;
}

async function texts(name: string): Promise<[number[], number[]]> {
  const { input_ids: ids } = await readGolden(`models/${name}/expected.safetensors`);
  const all = [...ids!.data];
  return [all.slice(0, 9), all.slice(9, 20)];
}

const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((max, value) => Math.max(max, Math.abs(value)), 0);

/** Keeps a copy of all that passes each site. */
function recorded(inner: Datapath) {
  const sites: Record<string, { inputs: number[][]; outputs: number[]; left: number[]; right: number[] }> =
    {};
  const record = (id: string) => {
    sites[id] ??= { inputs: [], outputs: [], left: [], right: [] };
    return sites[id];
  };
  const datapath: Datapath = {
    kernels: inner.kernels,
    prepare: (group) => inner.prepare(group),
    async project(input, projections) {
      const rows = Array.from({ length: input.rows }, (_, r) => [
        ...input.data.subarray(r * input.columns, (r + 1) * input.columns),
      ]);
      await inner.project(input, projections);
      for (const { site, output } of projections) {
        record(siteId(site)).inputs.push(...rows);
        record(siteId(site)).outputs.push(...output.data);
      }
    },
    async attend(attention) {
      const { qk, sv, queries, keys, values, softmax } = attention;
      record(siteId(qk)).left.push(...queries);
      record(siteId(qk)).right.push(...keys);
      record(siteId(sv)).right.push(...values);
      await inner.attend({
        ...attention,
        softmax(scores, block) {
          softmax(scores, block);
          record(siteId(sv)).left.push(...scores);
        },
      });
    },
  };
  return { datapath, sites };
}

async function calibrate(name: string, ...batches: number[][][]): Promise<Calibration> {
  const datapath = new CalibrationDatapath(await floatDatapath());
  const model = await loadModel(name, datapath);
  for (const batch of batches) await logitsOf(model, ...batch);
  return datapath.calibration;
}

describe.each(NAMES)('calibration of %s', (name) => {
  it('is the largest magnitudes of what passes each site', async () => {
    const { datapath: inner, sites } = recorded(await floatDatapath());
    const datapath = new CalibrationDatapath(inner);
    const logits = await logitsOf(await loadModel(name, datapath), ...(await texts(name)));

    const layered = [0, 1].flatMap((layer) => MODELS[name].map((site) => `${layer}.${site}`));
    expect(Object.keys(datapath.calibration).sort()).toEqual([...layered, 'lm_head'].sort());
    for (const [id, { input, output, operands }] of Object.entries(datapath.calibration)) {
      const { inputs, outputs, left, right } = sites[id]!;
      if (id.endsWith('.qk') || id.endsWith('.sv')) {
        expect(input).toHaveLength(0);
        expect(operands!.right).toBe(largest(right));
        // Probabilities count as what they can be.
        if (id.endsWith('.qk')) expect(operands!.left).toBe(largest(left));
        else expect([operands!.left, largest(left)]).toEqual([1, expect.closeTo(1, 6)]);
      } else {
        expect([...input]).toEqual(inputs[0]!.map((_, column) => largest(inputs.map((row) => row[column]!))));
        expect(output).toBe(largest(outputs));
        expect(operands).toBeUndefined();
      }
    }
    expect(datapath.calibration.lm_head!.output).toBe(largest(logits));
  });

  it('leaves the model as it is', async () => {
    const [text] = await texts(name);
    const plain = await logitsOf(await loadModel(name, await floatDatapath()), text);
    const watched = await logitsOf(
      await loadModel(name, new CalibrationDatapath(await floatDatapath())),
      text,
    );
    expect(watched).toEqual(plain);
  });

  it('merges the maxima of sequences, at once or one after the other', async () => {
    const [a, b] = await texts(name);
    const [first, second] = [await calibrate(name, [a]), await calibrate(name, [b])];
    const larger = (x: number, y: number) => Math.max(x, y);
    const merged = Object.fromEntries(
      Object.entries(first).map(([id, { input, output, operands }]) => {
        const other = second[id]!;
        return [
          id,
          {
            input: input.map((value, i) => larger(value, other.input[i]!)),
            output: larger(output, other.output),
            ...(operands && {
              operands: {
                left: larger(operands.left, other.operands!.left),
                right: larger(operands.right, other.operands!.right),
              },
            }),
          },
        ];
      }),
    );
    expect(merged).not.toEqual(first);
    expect(merged).not.toEqual(second);
    expect(await calibrate(name, [a, b])).toEqual(merged);
    expect(await calibrate(name, [a], [b])).toEqual(merged);
    expect(await calibrate(name, [b], [a])).toEqual(merged);
  });
});
