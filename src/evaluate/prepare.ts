import { type Checkpoint, openCheckpoint } from '../checkpoint/index.ts';
import {
  type Calibration,
  CalibrationDatapath,
  createDatapath,
  type DatapathPlan,
  REFERENCE_PLAN,
} from '../datapath/index.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import {
  type Datapath,
  describeModel,
  Model,
  type ResidentWeights,
  residentStore,
  WeightLoader,
} from '../model/index.ts';
import type { LoadedModel } from './load.ts';
import type { ScoreRequest } from './request.ts';

/** A model made ready for a machine: plain data over shared buffers, that any thread turns into a Model. */
export interface PreparedModel {
  plan: DatapathPlan;
  calibration: Calibration | undefined;
  /** Absent where the weights do not fit the memory: then each pass reads them layer by layer from `folder`. */
  weights: ResidentWeights | undefined;
  folder: string;
  /** config.json. */
  config: Record<string, unknown>;
}

/** A model that can run, and what it holds open. */
export interface Runnable {
  model: Model;
  close(): Promise<void>;
}

export interface PrepareOptions {
  /** Bytes that weights may take; more are streamed. */
  memory: number;
  onLayer?: ((done: number, total: number) => void) | undefined;
}

/** Reads and encodes the weights of a model for a plan. */
export async function prepareModel(
  { checkpoint, architecture, config }: LoadedModel,
  plan: DatapathPlan,
  calibration: Calibration | undefined,
  kernels: Kernels,
  gemm: Gemm,
  { memory, onLayer }: PrepareOptions,
): Promise<PreparedModel> {
  const prepared = { plan, calibration, folder: checkpoint.folder, config: checkpoint.config };
  if (residentBytes(checkpoint, plan) > memory) return { ...prepared, weights: undefined };
  const datapath = createDatapath(kernels, gemm, plan, calibration);
  const loader = new WeightLoader(checkpoint, datapath, architecture, config);
  return { ...prepared, weights: await loader.resident(onLayer) };
}

/** A model over prepared weights, on this thread's kernels. */
export function instantiate(prepared: PreparedModel, kernels: Kernels, gemm: Gemm): Promise<Runnable> {
  return instantiateOn(createDatapath(kernels, gemm, prepared.plan, prepared.calibration), prepared);
}

async function instantiateOn(
  datapath: Datapath,
  { folder, config: json, weights }: PreparedModel,
): Promise<Runnable> {
  const { architecture, config } = describeModel({ name: folder, config: json });
  if (weights) {
    return {
      model: new Model(architecture, config, residentStore(weights), datapath),
      close: async () => {},
    };
  }
  const checkpoint = await openCheckpoint(folder);
  const store = await new WeightLoader(checkpoint, datapath, architecture, config).streaming();
  return { model: new Model(architecture, config, store, datapath), close: () => checkpoint.close() };
}

/**
 * Statistics of a float32 run over sequences, for plans that need them.
 *
 * @param reference the model prepared for REFERENCE_PLAN
 */
export async function calibrate(
  reference: PreparedModel,
  requests: readonly Pick<ScoreRequest, 'tokens'>[],
  kernels: Kernels,
  gemm: Gemm,
): Promise<Calibration> {
  const datapath = new CalibrationDatapath(createDatapath(kernels, gemm, REFERENCE_PLAN));
  const { model, close } = await instantiateOn(datapath, reference);
  try {
    const mark = kernels.mark();
    for (const hidden of await model.hidden(requests)) {
      const inner = kernels.mark();
      await model.logits(hidden);
      kernels.release(inner);
    }
    kernels.release(mark);
  } finally {
    await close();
  }
  return datapath.calibration;
}

/** Memory of the weights on a plan, in bytes: a byte a value where all sites are integer, four where any is float. */
function residentBytes(checkpoint: Checkpoint, plan: DatapathPlan): number {
  let values = 0;
  for (const { shape } of checkpoint.tensors.values()) values += shape.reduce((a, b) => a * b, 1);
  return values * (plan.sites.fc1.kind === 'integer' ? 1 : 4);
}
