import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import {
  type Calibration,
  type DatapathPlan,
  isReference,
  needsCalibration,
  REFERENCE_PLAN,
  sameWeights,
  type Wants,
  wantsOf,
} from '../datapath/index.ts';
import { compileKernels, createGemm, createKernels, type Gemm, type Kernels } from '../kernels/index.ts';
import type { Machine } from '../machine/index.ts';
import type { LoadedModel } from './load.ts';
import type { MetricOptions } from './metric.ts';
import type { MetricResult } from './metrics.ts';
import { type Backend, createPool, type Job, type Pool } from './pool.ts';
import { calibrate, defaultMemory, type PreparedModel, prepareModel, residentBytes } from './prepare.ts';
import { prepareByLayers } from './prepare-layers.ts';
import { type RunRecord, recordOf } from './record.ts';
import type { Outcome, Request } from './request.ts';
import { calibrationSequences, type EvaluationTask, firstSequences, prepareTask } from './task.ts';

/** How far a run is. */
export interface Progress {
  /** The machine, or the model where the machine does not matter. */
  subject: string;
  stage: 'checksum' | 'weights' | 'calibration' | 'evaluation';
  done: number;
  total: number;
  unit: 'layers' | 'tokens' | 'files';
}

export interface EvaluateOptions {
  /** A .txt, .jsonl or .tsv file; default: the demo text of the metric. */
  data?: string | undefined;
  /** A metric's name; default: by the data and the model. */
  metric?: string | undefined;
  metricOptions?: MetricOptions | undefined;
  /** Most tokens of a sequence; default: the model's, at most 2048. */
  context?: number | undefined;
  /** Compare with float32 on every position: KL divergence and top-1 agreement. */
  divergence?: boolean | undefined;
  /** Text for static scales and smoothing; default: the first sequences of the data. */
  calibration?: string | undefined;
  /** Threads, each with sequences of its own; default: one a core. */
  workers?: number | undefined;
  backend?: Backend | undefined;
  /** Bytes that weights may take before they are streamed; default: half of the memory. */
  memory?: number | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** A metric's result and everything that it takes to get it again. */
export interface Evaluation {
  result: MetricResult;
  warnings: string[];
  record: RunRecord & {
    data: string;
    context: number;
    workers: number;
    streamed: boolean;
    /** Sums that their int32 accumulator did not hold: they wrapped around, as in hardware. */
    overflows: number;
    /** Of the evaluation, the reference's pass included; weights and calibration are not. */
    seconds: number;
  };
}

/** Residual streams of a streamed pass, in bytes: more sequences go through the layers in further passes. */
const STREAM_BYTES = 1 << 29;

/** Runs a model on a machine over data and scores what comes out. */
export async function evaluate(
  model: LoadedModel,
  machine: Machine,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const results = await compare(model, [machine], options);
  return results[0]!;
}

/** The same for several machines over the same data, one after the other. */
export async function compare(
  model: LoadedModel,
  machines: readonly Machine[],
  options: EvaluateOptions = {},
): Promise<Evaluation[]> {
  const run = await Comparison.create(model, options);
  const evaluations: Evaluation[] = [];
  for (const machine of machines) evaluations.push(await run.evaluate(machine));
  return evaluations;
}

function overflowWarning(count: number): string[] {
  return count === 0 ? [] : [`${count} int32 sums overflowed and wrapped around`];
}

type CalibrationData = Awaited<ReturnType<typeof calibrationSequences>>;

/**
 * What machines share in a comparison: data, kernels, the reference, the calibration, and the weights of the machine
 * before where the next one encodes them alike.
 */
export class Comparison {
  readonly #model: LoadedModel;
  readonly #task: EvaluationTask;
  readonly #options: EvaluateOptions;
  readonly #module: WebAssembly.Module;
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #sha256: string;
  readonly #memory: number;
  #reference: PreparedModel | undefined;
  #calibration: CalibrationData | undefined;
  #collected: { key: string; calibration: Calibration } | undefined;
  #previous: { given: DatapathPlan; model: PreparedModel } | undefined;

  private constructor(
    model: LoadedModel,
    task: EvaluationTask,
    options: EvaluateOptions,
    shared: { module: WebAssembly.Module; kernels: Kernels; gemm: Gemm; sha256: string },
  ) {
    this.#model = model;
    this.#task = task;
    this.#options = options;
    this.#module = shared.module;
    this.#kernels = shared.kernels;
    this.#gemm = shared.gemm;
    this.#sha256 = shared.sha256;
    this.#memory = options.memory ?? defaultMemory();
  }

  static async create(model: LoadedModel, options: EvaluateOptions): Promise<Comparison> {
    const task = await prepareTask(model, options);
    const module = await compileKernels();
    const kernels = await createKernels(module);
    const gemm = await createGemm(kernels, { backend: options.backend ?? 'auto', threads: 1 });
    const { checkpoint } = model;
    const stage = { subject: checkpoint.name, stage: 'checksum', total: 1, unit: 'files' } as const;
    options.onProgress?.({ ...stage, done: 0 });
    const sha256 = await checkpoint.hash();
    options.onProgress?.({ ...stage, done: 1 });
    return new Comparison(model, task, options, { module, kernels, gemm, sha256 });
  }

  /** What the results depend on, beside machine and options; checkpoint and data file by their SHA-256. */
  async facts(): Promise<{
    checkpoint: string;
    kernel: string;
    data: string;
    source: string;
    context: number;
  }> {
    const { file, source, context } = this.#task;
    const data = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return { checkpoint: this.#sha256, kernel: this.#gemm.description, data, source, context };
  }

  async evaluate(machine: Machine): Promise<Evaluation> {
    const { task, source, context } = this.#task;
    const needed = needsCalibration(machine.plan);
    const reference = this.#options.divergence ? await this.#referenceModel() : undefined;
    const calibration = needed ? await this.#calibrationData() : undefined;
    const prepared = await this.#prepared(machine, calibration);
    const streamed = !prepared.weights || (reference !== undefined && !reference.weights);
    const cores = this.#options.workers ?? availableParallelism();
    const workers = streamed ? 1 : Math.min(cores, task.requests.length);
    const start = performance.now();
    const pool = await createPool(
      {
        module: this.#module,
        backend: this.#options.backend ?? 'auto',
        threads: streamed ? cores : 1,
        model: prepared,
        reference,
      },
      workers,
      (done, total) => this.#progress(machine.name, 'evaluation', done, total, 'layers'),
    );
    try {
      const outcomes = await this.#run(pool, machine.name, streamed);
      return {
        result: task.reduce(outcomes),
        warnings: [...task.warnings, ...overflowWarning(pool.overflows)],
        record: {
          ...recordOf(this.#model, machine, {
            sha256: this.#sha256,
            kernel: this.#gemm.description,
            calibration: calibration?.source,
          }),
          data: source,
          context,
          workers,
          streamed,
          overflows: pool.overflows,
          seconds: (performance.now() - start) / 1000,
        },
      };
    } finally {
      await pool.close();
    }
  }

  /** All requests through the pool; outcomes in the order of the requests, whatever thread they came from. */
  async #run(pool: Pool, machine: string, streamed: boolean): Promise<Outcome[]> {
    const { task } = this.#task;
    const total = task.requests.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const batches = this.#batches(streamed);
    const outcomes: Outcome[][] = [];
    let done = 0;
    let next = 0;
    const drain = async () => {
      while (next < batches.length) {
        const index = next++;
        const batch = batches[index]!;
        outcomes[index] = await pool.run({ kind: task.kind, requests: batch } as Job);
        done += batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
        // A streamed pass reports its layers: its tokens come all at once.
        if (!streamed) this.#progress(machine, 'evaluation', done, total, 'tokens');
      }
    };
    await Promise.all(Array.from({ length: pool.width }, drain));
    return outcomes.flat();
  }

  #batches(streamed: boolean): Request[][] {
    const { requests } = this.#task.task;
    if (!streamed) return requests.map((request) => [request]);
    const batches: Request[][] = [];
    let bytes = Number.POSITIVE_INFINITY;
    for (const request of requests) {
      const size = request.tokens.length * this.#model.config.hidden * 4;
      if (bytes + size > STREAM_BYTES) {
        batches.push([]);
        bytes = 0;
      }
      batches.at(-1)!.push(request);
      bytes += size;
    }
    return batches;
  }

  /** The sequences that scales, factors and weights are fitted on: the same for every machine. */
  async #calibrationData(): Promise<CalibrationData> {
    if (!this.#calibration) {
      const { calibration: data, context, metricOptions } = this.#options;
      this.#calibration =
        data === undefined
          ? { sequences: firstSequences(this.#task), source: `${this.#task.source} (the evaluated data)` }
          : await calibrationSequences(this.#model, { data, context, split: metricOptions?.split });
    }
    return this.#calibration;
  }

  /** Statistics of the float32 run over them: the same for machines that want the same. */
  async #statistics(name: string, { sequences }: CalibrationData, wants: Wants): Promise<Calibration> {
    const key = JSON.stringify(wants);
    if (this.#collected?.key !== key) {
      // Dropped before the next are collected: samples are large.
      this.#collected = undefined;
      const calibration = await calibrate(
        await this.#referenceModel(),
        sequences,
        this.#kernels,
        this.#gemm,
        wants,
        (done, total) => this.#progress(name, 'calibration', done, total, 'layers'),
      );
      this.#collected = { key, calibration };
    }
    return this.#collected!.calibration;
  }

  async #prepared({ name, plan }: Machine, data: CalibrationData | undefined): Promise<PreparedModel> {
    const previous = this.#previous;
    if (previous && sameWeights(previous.given, plan)) {
      // Dynamic scales took none; largest magnitudes, all that runs read, are the same whatever else was wanted.
      const calibration =
        previous.model.calibration ?? (data && (await this.#statistics(name, data, wantsOf(plan).wants)));
      return { ...previous.model, plan, calibration };
    }
    // Dropped before the next are read, so that only one machine's weights are in memory.
    this.#previous = undefined;
    if (isReference(plan)) return this.#referenceModel();
    const model = await this.#prepare(name, plan, data);
    if (model.weights) this.#previous = { given: plan, model };
    return model;
  }

  async #referenceModel(): Promise<PreparedModel> {
    this.#reference ??= await this.#prepare('float32', REFERENCE_PLAN, undefined);
    return this.#reference;
  }

  async #prepare(
    name: string,
    plan: DatapathPlan,
    data: CalibrationData | undefined,
  ): Promise<PreparedModel> {
    const { wants, byLayer } = wantsOf(plan);
    const statistics = data && !byLayer ? await this.#statistics(name, data, wants) : undefined;
    const taken = this.#reference?.weights ? residentBytes(this.#model, REFERENCE_PLAN) : 0;
    const options = {
      memory: this.#memory - taken,
      onLayer: (done: number, total: number) => this.#progress(name, 'weights', done, total, 'layers'),
    };
    return byLayer
      ? prepareByLayers(this.#model, plan, data!.sequences, this.#kernels, this.#gemm, options)
      : prepareModel(this.#model, plan, statistics, this.#kernels, this.#gemm, options);
  }

  #progress(
    subject: string,
    stage: Progress['stage'],
    done: number,
    total: number,
    unit: Progress['unit'],
  ): void {
    this.#options.onProgress?.({ subject, stage, done, total, unit });
  }
}
