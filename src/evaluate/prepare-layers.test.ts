import { describe, expect, it, onTestFinished } from 'vitest';
import { goldenPath, readGolden } from '../../test/golden.ts';
import { openCheckpoint } from '../checkpoint/index.ts';
import { CalibrationDatapath, createDatapath, REFERENCE_PLAN, type Wants } from '../datapath/index.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { describeModel, Model, residentStore, siteId, WeightLoader } from '../model/index.ts';
import { runHead } from './prepare.ts';
import { type CalibratedLayer, calibrateLayers } from './prepare-layers.ts';

const WANTS: Wants = {
  q: ['hessian', 'meanAbs'],
  k: ['hessian', 'meanAbs'],
  v: ['hessian', 'meanAbs'],
  qk: ['sample'],
  fc2: ['hessian', 'sample'],
  down: ['hessian', 'sample'],
  project_in: ['hessian'],
  lm_head: ['meanAbs'],
  classifier: ['hessian'],
};

/** Groups of sites that share an input: of a layer, and of what stands outside. */
const GROUPS: Record<string, [string[], string[]]> = {
  gpt2: [['q,k,v', 'o', 'fc1', 'fc2'], ['lm_head']],
  'llama-gqa-rope3': [['q,k,v', 'o', 'gate,up', 'down'], ['lm_head']],
  'opt-350m-like': [
    ['q,k,v', 'o', 'fc1', 'fc2'],
    ['lm_head', 'project_in', 'project_out'],
  ],
  'bert-classification': [
    ['q,k,v', 'o', 'fc1', 'fc2'],
    ['pooler', 'classifier'],
  ],
};

async function setUp(name: string) {
  const checkpoint = await openCheckpoint(goldenPath(`models/${name}`));
  onTestFinished(() => checkpoint.close());
  const { input_ids: ids } = await readGolden(`models/${name}/expected.safetensors`);
  const length = ids!.shape[1]!;
  const all = [...ids!.data];
  const sequences = [all.slice(0, 7), all.slice(length, 2 * length)].map((tokens) => ({ tokens }));
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'webassembly' });
  return { loaded: { checkpoint, ...describeModel(checkpoint) }, sequences, kernels, gemm };
}

describe.each(Object.entries(GROUPS))('%s', (name, [inLayer, outside]) => {
  it('hands over each layer once, in order, with all that a pass over the whole model records', async () => {
    const { loaded, sequences, kernels, gemm } = await setUp(name);
    const layers: CalibratedLayer[] = [];
    const mark = kernels.mark();
    await calibrateLayers(loaded, sequences, kernels, gemm, {
      wants: WANTS,
      sampleRows: 10,
      onLayer: (layer) => void layers.push(layer),
    });
    expect(kernels.mark()).toBe(mark);

    const { checkpoint, architecture, config } = loaded;
    expect(layers.map(({ index }) => index)).toEqual([...Array(config.layers).keys(), undefined]);
    for (const { index, groups } of layers) {
      const names = groups.map((group) => group.map(({ site }) => site.name).join());
      expect(names).toEqual(index === undefined ? outside : inLayer);
      expect(groups.flat().every(({ site }) => site.layer === index)).toBe(true);
    }

    const whole = new CalibrationDatapath(createDatapath(kernels, gemm, REFERENCE_PLAN), {
      gemm,
      wants: WANTS,
      sampleRows: 10,
    });
    const weights = await new WeightLoader(checkpoint, whole, architecture, config).resident();
    const model = new Model(architecture, config, residentStore(weights), whole);
    await runHead(model, await model.hidden(sequences));
    expect(Object.assign({}, ...layers.map(({ calibration }) => calibration))).toEqual(whole.calibration);
    for (const { site, weight } of layers.flatMap(({ groups }) => groups.flat())) {
      const projections = site.layer === undefined ? weights.frame.projections : weights.layers[site.layer]!;
      expect({ ...weight, id: siteId(site) }).toEqual({
        ...projections.weights[site.name],
        id: siteId(site),
      });
    }
  });

  it('a layer is done with before the next is read', async () => {
    const { loaded, sequences, kernels, gemm } = await setUp(name);
    const events: string[] = [];
    const { checkpoint } = loaded;
    const watched = new Proxy(checkpoint, {
      get(target, key) {
        const value = Reflect.get(target, key);
        if (key !== 'read') return typeof value === 'function' ? value.bind(target) : value;
        return (tensor: string, range: { from: number; to: number }) => {
          const layer = /\.(?:layers|h|layer)\.(\d+)\./.exec(tensor)?.[1];
          if (layer !== undefined && events.at(-1) !== `read ${layer}`) events.push(`read ${layer}`);
          return checkpoint.read(tensor, range);
        };
      },
    });
    await calibrateLayers({ ...loaded, checkpoint: watched }, sequences, kernels, gemm, {
      wants: WANTS,
      async onLayer({ index }) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (index !== undefined) events.push(`done ${index}`);
      },
    });
    const indices = [...Array(loaded.config.layers).keys()];
    expect(events).toEqual(indices.flatMap((index) => [`read ${index}`, `done ${index}`]));
  });
});
