import { availableParallelism, totalmem } from 'node:os';
import { basename } from 'node:path';
import { needsCalibration, REFERENCE_PLAN } from '../datapath/index.ts';
import { InputError } from '../errors.ts';
import { createGemm, createKernels, type Gemm, type Kernels } from '../kernels/index.ts';
import type { Machine } from '../machine/index.ts';
import { VERSION } from '../version.ts';
import { readDataset } from './data.ts';
import { DEMO_SPLIT, demoData } from './demo.ts';
import type { LoadedModel } from './load.ts';
import type { MetricOptions, Task } from './metric.ts';
import { chooseMetric, type MetricResult } from './metrics.ts';
import { type Backend, createPool, type Job, type Pool } from './pool.ts';
import { calibrate, type PreparedModel, prepareModel } from './prepare.ts';
import type { ClassifyRequest, ClassScore, Score, ScoreRequest } from './request.ts';

/** How far a run is. */
export interface Progress {
  machine: string;
  stage: 'weights' | 'calibration' | 'evaluation';
  done: number;
  total: number;
  unit: 'layers' | 'sequences' | 'tokens';
}

export interface EvaluateOptions {
  /** A .txt, .jsonl or .tsv file; default: the demo text of the model's kind. */
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
  /** Bytes that weights may take before they are streamed; default: half of the machine's memory. */
  memory?: number | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** A metric's result and everything that it takes to get it again. */
export interface Evaluation {
  result: MetricResult;
  warnings: string[];
  record: {
    tapeout: string;
    model: { name: string; architecture: string; sha256: string; commit?: string };
    machine: { name: string; source: string; sha256: string };
    data: string;
    context: number;
    /** Where calibration data came from, if the machine needed any. */
    calibration?: string;
    /** What multiplied, with the features that can change a last bit. */
    kernel: string;
    workers: number;
    streamed: boolean;
    seconds: number;
  };
}

/** Sequences that static scales and smoothing are taken from. */
const CALIBRATION_SEQUENCES = 16;
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
  const task = await prepareTask(model, options);
  const run = await Comparison.create(model, task, options);
  const evaluations: Evaluation[] = [];
  for (const machine of machines) evaluations.push(await run.evaluate(machine));
  return evaluations;
}

type AnyTask = Task<'score' | 'classify', ScoreRequest | ClassifyRequest, Score | ClassScore, MetricResult>;

interface NamedTask {
  task: AnyTask;
  /** The file that the user named, or which demo text. */
  source: string;
  context: number;
}

async function prepareTask(
  { config, tokenizer, architecture, checkpoint }: LoadedModel,
  options: EvaluateOptions,
): Promise<NamedTask> {
  const name = options.metric ?? 'auto';
  const file = options.data ?? demoData(name, architecture.kind);
  const dataset = await readDataset(file);
  const demo = options.data === undefined && dataset.kind === 'text' && !options.metricOptions?.split;
  const metricOptions = { ...(demo && { split: DEMO_SPLIT }), ...options.metricOptions };
  const metric = chooseMetric(name, dataset, architecture.kind, metricOptions);
  const context = Math.min(options.context ?? 2048, config.context);
  if (options.context !== undefined && options.context > config.context) {
    throw new InputError(`${checkpoint.name} holds ${config.context} tokens; found ${options.context}`, {
      place: { key: '--context' },
    });
  }
  const task = metric.prepare(dataset, tokenizer, {
    ...metricOptions,
    context,
    vocabulary: config.vocabulary,
    ...(config.labels !== undefined && { classes: config.labels }),
  });
  return { task: task as AnyTask, source: options.data ?? `demo text ${basename(file)}`, context };
}

/** What machines share in a comparison: data, kernels, the reference. */
class Comparison {
  readonly #model: LoadedModel;
  readonly #task: NamedTask;
  readonly #options: EvaluateOptions;
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #sha256: string;
  #reference: PreparedModel | undefined;

  private constructor(
    model: LoadedModel,
    task: NamedTask,
    options: EvaluateOptions,
    shared: { kernels: Kernels; gemm: Gemm; sha256: string },
  ) {
    this.#model = model;
    this.#task = task;
    this.#options = options;
    this.#kernels = shared.kernels;
    this.#gemm = shared.gemm;
    this.#sha256 = shared.sha256;
  }

  static async create(model: LoadedModel, task: NamedTask, options: EvaluateOptions): Promise<Comparison> {
    const kernels = await createKernels();
    const gemm = await createGemm(kernels, { backend: options.backend ?? 'auto', threads: 1 });
    const sha256 = await model.checkpoint.hash();
    return new Comparison(model, task, options, { kernels, gemm, sha256 });
  }

  async evaluate(machine: Machine): Promise<Evaluation> {
    const start = performance.now();
    const { task, source, context } = this.#task;
    const { divergence, calibration: calibrationFile } = this.#options;
    const needed = needsCalibration(machine.plan);
    const calibration = needed ? await this.#calibrate(machine) : undefined;
    const prepared = await this.#prepare(machine.name, machine.plan, calibration);
    const reference = divergence ? await this.#referenceModel() : undefined;
    const streamed = !prepared.weights || (reference !== undefined && !reference.weights);
    const cores = availableParallelism();
    const workers = streamed ? 1 : Math.min(this.#options.workers ?? cores, task.requests.length);
    const pool = await createPool(
      {
        backend: this.#options.backend ?? 'auto',
        threads: streamed ? (this.#options.workers ?? cores) : 1,
        model: prepared,
        reference,
      },
      workers,
    );
    try {
      const outcomes = await this.#run(pool, machine.name, streamed);
      const { checkpoint, architecture } = this.#model;
      return {
        result: task.reduce(outcomes),
        warnings: task.warnings,
        record: {
          tapeout: VERSION,
          model: {
            name: checkpoint.name,
            architecture: architecture.name,
            sha256: this.#sha256,
            ...(checkpoint.commit !== undefined && { commit: checkpoint.commit }),
          },
          machine: { name: machine.name, source: machine.source, sha256: machine.hash },
          data: source,
          context,
          ...(needed && { calibration: calibrationFile ?? `${source} (the evaluated data)` }),
          kernel: this.#gemm.description,
          workers: streamed ? 1 : workers,
          streamed,
          seconds: (performance.now() - start) / 1000,
        },
      };
    } finally {
      await pool.close();
    }
  }

  /** All requests through the pool; outcomes in the order of the requests, whatever thread they came from. */
  async #run(pool: Pool, machine: string, streamed: boolean): Promise<(Score | ClassScore)[]> {
    const { task } = this.#task;
    const total = task.requests.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const batches = this.#batches(streamed);
    const outcomes: (Score | ClassScore)[][] = [];
    let done = 0;
    let next = 0;
    const drain = async () => {
      while (next < batches.length) {
        const index = next++;
        const batch = batches[index]!;
        outcomes[index] = await pool.run({ kind: task.kind, requests: batch } as Job);
        done += batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
        this.#progress(machine, 'evaluation', done, total, 'tokens');
      }
    };
    await Promise.all(Array.from({ length: pool.width }, drain));
    return outcomes.flat();
  }

  #batches(streamed: boolean): (ScoreRequest | ClassifyRequest)[][] {
    const { requests } = this.#task.task;
    if (!streamed) return requests.map((request) => [request]);
    const batches: (ScoreRequest | ClassifyRequest)[][] = [];
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

  async #calibrate(machine: Machine) {
    const { calibration: file, context, metricOptions } = this.#options;
    // Of the metric's options only the separator of documents concerns another text.
    const split = metricOptions?.split === undefined ? {} : { split: metricOptions.split };
    const source =
      file === undefined
        ? this.#task
        : await prepareTask(this.#model, { data: file, context, metricOptions: split });
    const requests = source.task.requests.slice(0, CALIBRATION_SEQUENCES);
    this.#progress(machine.name, 'calibration', 0, requests.length, 'sequences');
    return calibrate(await this.#referenceModel(), requests, this.#kernels, this.#gemm);
  }

  async #referenceModel(): Promise<PreparedModel> {
    this.#reference ??= await this.#prepare('float32 reference', REFERENCE_PLAN, undefined);
    return this.#reference;
  }

  #prepare(
    name: string,
    plan: Machine['plan'],
    calibration: PreparedModel['calibration'],
  ): Promise<PreparedModel> {
    return prepareModel(this.#model, plan, calibration, this.#kernels, this.#gemm, {
      memory: this.#options.memory ?? totalmem() / 2,
      onLayer: (done, total) => this.#progress(name, 'weights', done, total, 'layers'),
    });
  }

  #progress(
    machine: string,
    stage: Progress['stage'],
    done: number,
    total: number,
    unit: Progress['unit'],
  ): void {
    this.#options.onProgress?.({ machine, stage, done, total, unit });
  }
}
