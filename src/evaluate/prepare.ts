import { totalmem } from 'node:os';
import { openCheckpoint } from '../checkpoint/index.ts';
import {
  accumulatorOf,
  arithmeticAt,
  type Calibration,
  CalibrationDatapath,
  createDatapath,
  type DatapathPlan,
  REFERENCE_PLAN,
  type Wants,
  WeightErrors,
  widenWorst,
} from '../datapath/index.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import {
  type Datapath,
  describeModel,
  type Matrix,
  Model,
  type ResidentWeights,
  residentStore,
  rowsOf,
  WeightLoader,
} from '../model/index.ts';
import type { LoadedModel } from './load.ts';
import { headRows } from './scorer.ts';

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
  loaded: LoadedModel,
  given: DatapathPlan,
  calibration: Calibration | undefined,
  kernels: Kernels,
  gemm: Gemm,
  { memory, onLayer }: PrepareOptions,
): Promise<PreparedModel> {
  const { checkpoint, architecture, config } = loaded;
  const plan = await resolveMixed(loaded, given, kernels, onLayer);
  const prepared = { plan, calibration, folder: checkpoint.folder, config: checkpoint.config };
  if (residentBytes(loaded, plan) > memory) return { ...prepared, weights: undefined };
  const datapath = createDatapath(kernels, gemm, plan, calibration);
  const loader = new WeightLoader(checkpoint, datapath, architecture, config);
  return { ...prepared, weights: await loader.resident(onLayer) };
}

/** A plan whose mixed precision is decided: which layers are the worst. */
export async function resolveMixed(
  { checkpoint, architecture, config }: LoadedModel,
  plan: DatapathPlan,
  kernels: Kernels,
  onLayer?: PrepareOptions['onLayer'],
): Promise<DatapathPlan> {
  if (!plan.mixed) return plan;
  const errors = new WeightErrors(kernels, plan);
  await new WeightLoader(checkpoint, errors, architecture, config).visit(onLayer);
  return widenWorst(plan, errors.errors);
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
 * @param wants what to collect beside largest magnitudes
 */
export async function calibrate(
  reference: PreparedModel,
  sequences: readonly { tokens: number[] }[],
  kernels: Kernels,
  gemm: Gemm,
  wants: Wants,
  onLayer?: (done: number, total: number) => void,
): Promise<Calibration> {
  const datapath = new CalibrationDatapath(createDatapath(kernels, gemm, REFERENCE_PLAN), { gemm, wants });
  const { model, close } = await instantiateOn(datapath, reference);
  model.onLayer = onLayer;
  try {
    const mark = kernels.mark();
    await runHead(model, await model.hidden(sequences));
    kernels.release(mark);
  } finally {
    await close();
  }
  return datapath.calibration;
}

/** The head over its inputs, in blocks of rows, for what its datapath sees of it. */
export async function runHead(model: Model, inputs: readonly Matrix[]): Promise<void> {
  const { kernels } = model.datapath;
  const step = headRows(model.config.vocabulary);
  for (const hidden of inputs) {
    for (let row = 0; row < hidden.rows; row += step) {
      const mark = kernels.mark();
      await model.logits(rowsOf(hidden, row, Math.min(step, hidden.rows - row)));
      kernels.release(mark);
    }
  }
}

/** Memory of the weights on a plan, in bytes: a byte a value at sites that sum in int32, four elsewhere. */
export function residentBytes({ architecture, config }: LoadedModel, plan: DatapathPlan): number {
  const frame = architecture.frame(config);
  const tables = Object.values(frame.tables);
  let bytes = 0;
  for (const { rows, columns } of tables) bytes += rows * columns * 4;
  const add = (projections: (typeof frame.projections)[number], layer?: number) => {
    for (const { site, tensor, outputs, inputs } of projections) {
      const arithmetic = arithmeticAt(plan, { name: site, layer });
      // A tied head in float32 is the table itself.
      const shared = arithmetic.weights === 'float32' && tables.some((table) => table.tensor === tensor);
      if (!shared) bytes += outputs * inputs * (accumulatorOf(arithmetic) === 'int32' ? 1 : 4);
    }
  };
  add(frame.projections.flat());
  for (let i = 0; i < config.layers; i++) add(architecture.layer(config, i).projections.flat(), i);
  return bytes;
}

/** Half of the memory that this process may have. */
export function defaultMemory(): number {
  // 0 where nothing constrains the process.
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 2;
}
