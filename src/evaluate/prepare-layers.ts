import {
  type Calibration,
  CalibrationDatapath,
  createDatapath,
  type DatapathPlan,
  REFERENCE_PLAN,
  type Wants,
  wantsOf,
} from '../datapath/index.ts';
import { InputError } from '../errors.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import {
  type Datapath,
  type LayerWeights,
  Model,
  type ResidentWeights,
  type Site,
  siteId,
  WeightLoader,
  type WeightMatrix,
} from '../model/index.ts';
import type { LoadedModel } from './load.ts';
import { type PreparedModel, type PrepareOptions, residentBytes, resolveMixed, runHead } from './prepare.ts';

/** What a layer has seen of the calibration data, and its weights in float32. */
export interface CalibratedLayer {
  /** 0-based; undefined for what stands outside the layers, the head among it, which comes last. */
  index: number | undefined;
  /** Statistics of the layer's sites. */
  calibration: Calibration;
  /** Weights by the inputs that they share, over shared buffers. */
  groups: readonly (readonly { site: Site; weight: WeightMatrix }[])[];
}

export interface LayerPassOptions {
  /** Beside largest magnitudes, which are always there. */
  wants: Wants;
  sampleRows?: number | undefined;
  /** Called a layer at a time, in order; may use the kernels, and keeps what it wants to keep. */
  onLayer: (layer: CalibratedLayer) => Promise<void> | void;
}

/**
 * Runs sequences through the float32 model layer by layer, all sequences through a layer before the next is read, and hands
 * over the statistics of each layer and its weights. No more than one layer's are in memory at once: second moments of all
 * layers of a large model would not fit. Inputs are those of the float32 model: what earlier layers lose by being quantised
 * is not in them. On one thread, in the order of the sequences: the same on every run.
 */
export async function calibrateLayers(
  loaded: Pick<LoadedModel, 'checkpoint' | 'architecture' | 'config'>,
  sequences: readonly { tokens: ArrayLike<number>; types?: ArrayLike<number> | undefined }[],
  kernels: Kernels,
  gemm: Gemm,
  { wants, sampleRows, onLayer }: LayerPassOptions,
): Promise<void> {
  const { checkpoint, architecture, config } = loaded;
  const reference = createDatapath(kernels, gemm, REFERENCE_PLAN);
  const collector = new CalibrationDatapath(reference, { gemm, wants, sampleRows });
  const groups = new Map<string, CalibratedLayer['groups'][number]>();
  const watched: Datapath = {
    kernels,
    async prepare(group) {
      // What stands outside the layers is read again after them.
      groups.set(siteId(group[0]!.site), group);
      return reference.prepare(group);
    },
    project: (input, projections) => collector.project(input, projections),
    attend: (attention) => collector.attend(attention),
  };
  const store = await new WeightLoader(checkpoint, watched, architecture, config).streaming();

  let pending: number | undefined;
  const handOver = async (index: number | undefined) => {
    const layer = { index, calibration: collector.take(index), groups: [...groups.values()] };
    groups.clear();
    pending = undefined;
    await onLayer(layer);
  };
  const model = new Model(
    architecture,
    config,
    {
      frame: {
        ...store.frame,
        projections: async () => {
          if (pending !== undefined) await handOver(pending);
          return store.frame.projections();
        },
      },
      layer: async (index) => {
        if (pending !== undefined) await handOver(pending);
        groups.clear();
        const layer = await store.layer(index);
        pending = index;
        return layer;
      },
    },
    watched,
  );
  const mark = kernels.mark();
  try {
    await runHead(model, await model.hidden(sequences));
    await handOver(undefined);
  } finally {
    kernels.release(mark);
  }
}

/**
 * A model whose weights are prepared with what their inputs are on calibration data (GPTQ, AWQ): each layer as soon as its
 * statistics are complete.
 *
 * @throws InputError where the weights do not fit the memory
 */
export async function prepareByLayers(
  loaded: LoadedModel,
  given: DatapathPlan,
  sequences: readonly { tokens: ArrayLike<number> }[],
  kernels: Kernels,
  gemm: Gemm,
  { memory, onLayer }: PrepareOptions,
): Promise<PreparedModel> {
  const { checkpoint, architecture, config } = loaded;
  const plan = await resolveMixed(loaded, given, kernels);
  const bytes = residentBytes(loaded, plan);
  if (bytes > memory) {
    const [needed, allowed] = [bytes, memory].map((size) => `${(size / 2 ** 30).toFixed(1)} GiB`);
    throw new InputError(
      `GPTQ and AWQ keep the weights that they make, ${needed}, in a memory of ${allowed}`,
      {
        note: 'raise --memory, or use algorithm: rtn',
      },
    );
  }
  // The datapath reads it as it fills.
  const calibration: Calibration = {};
  const datapath = createDatapath(kernels, gemm, plan, calibration);
  const loader = new WeightLoader(checkpoint, datapath, architecture, config);
  const layers: LayerWeights[] = [];
  let frame: ResidentWeights['frame'] | undefined;
  await calibrateLayers(loaded, sequences, kernels, gemm, {
    // Of the plan as given: the wide formats of a mixed precision are exceptions in the other.
    wants: wantsOf(given).wants,
    async onLayer({ index, calibration: found }) {
      Object.assign(calibration, found);
      if (index === undefined) frame = await loader.frame();
      else layers.push(await loader.layer(index));
      // Only what runs need is kept: largest magnitudes.
      for (const [id, { input, output, operands }] of Object.entries(found))
        calibration[id] = { input, output, ...(operands && { operands }) };
      onLayer?.(layers.length, config.layers);
    },
  });
  return {
    plan,
    calibration,
    weights: { frame: frame!, layers },
    folder: checkpoint.folder,
    config: checkpoint.config,
  };
}
