import { Worker } from 'node:worker_threads';
import { InputError, type Place, RunError } from '../errors.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { instantiate, type PreparedModel } from './prepare.ts';
import type { ClassifyRequest, Outcome, ScoreRequest } from './request.ts';
import { Scorer } from './scorer.ts';

export type Backend = 'auto' | 'onnxruntime' | 'webassembly';

/** What a worker thread is started with. Everything large lies in shared buffers. */
export interface WorkerSetup {
  module: WebAssembly.Module;
  backend: Backend;
  /** Threads within a product. */
  threads: number;
  model: PreparedModel;
  reference: PreparedModel | undefined;
}

type OnLayer = (done: number, total: number) => void;

export type Job =
  | { kind: 'score'; requests: ScoreRequest[] }
  | { kind: 'classify'; requests: ClassifyRequest[] };

export type WorkerReply =
  | { id: number; outcomes: Outcome[]; overflows: number }
  | { id: number; error: { input: boolean; message: string; place: Place; note?: string | undefined } };

/** Runs jobs on threads, one core each; the order of completion does not show in the results. */
export interface Pool {
  /** Outcomes of the job's requests, in order. */
  run(job: Job): Promise<Outcome[]>;
  /** Jobs that run at once. */
  readonly width: number;
  /** Sums that their accumulators did not hold, in all jobs that are done. */
  readonly overflows: number;
  close(): Promise<void>;
}

/** A pool of this thread alone; the weights may be streamed, with all threads within a product. */
async function localPool(setup: WorkerSetup, onLayer: OnLayer): Promise<Pool> {
  const scorer = await createScorer(setup, onLayer);
  return {
    width: 1,
    run: scorer.answer,
    get overflows() {
      return scorer.overflows;
    },
    close: scorer.close,
  };
}

/** How a thread answers jobs. */
export interface ThreadScorer {
  answer(job: Job): Promise<Outcome[]>;
  /** So far. */
  readonly overflows: number;
  close(): Promise<void>;
}

/** @param onLayer called after each layer of a streamed pass */
export async function createScorer(setup: WorkerSetup, onLayer?: OnLayer): Promise<ThreadScorer> {
  const kernels = await createKernels(setup.module);
  const gemm = await createGemm(kernels, { backend: setup.backend, threads: setup.threads });
  const model = await instantiate(setup.model, kernels, gemm);
  const reference =
    setup.reference &&
    (await instantiate(setup.reference, kernels, gemm).catch(async (error) => {
      await model.close();
      throw error;
    }));
  if (!setup.model.weights) model.model.onLayer = onLayer;
  if (reference && !setup.reference?.weights) reference.model.onLayer = onLayer;
  const scorer = new Scorer(model.model, reference?.model);
  return {
    answer: (job) => (job.kind === 'score' ? scorer.score(job.requests) : scorer.classify(job.requests)),
    get overflows() {
      return model.model.datapath.overflows ?? 0;
    },
    async close() {
      await model.close();
      await reference?.close();
    },
  };
}

/**
 * A pool of `workers` threads, or of this one where one is enough.
 *
 * @param onLayer called after each layer of a streamed pass, which this thread runs
 */
export async function createPool(setup: WorkerSetup, workers: number, onLayer: OnLayer): Promise<Pool> {
  return workers === 1 ? localPool(setup, onLayer) : new ThreadPool(setup, workers);
}

class ThreadPool implements Pool {
  readonly width: number;
  readonly #idle: Worker[] = [];
  readonly #overflows = new Map<Worker, number>();
  readonly #workers: Worker[];
  readonly #waiting: (() => void)[] = [];
  readonly #pending = new Map<
    number,
    { resolve: (outcomes: Outcome[]) => void; reject: (error: Error) => void }
  >();
  #next = 0;
  #closing = false;
  #failure: Error | undefined;

  constructor(setup: WorkerSetup, workers: number) {
    this.width = workers;
    // The sources run as TypeScript, the published package as JavaScript.
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    this.#workers = Array.from({ length: workers }, () => {
      // Without this process's own flags: `node -e` has some that a file cannot run with.
      const worker = new Worker(new URL(file, import.meta.url), { workerData: setup, execArgv: [] });
      worker.on('message', (reply: WorkerReply) => this.#settle(worker, reply));
      worker.on('error', (error) => this.#fail(new RunError(`a worker thread failed: ${error.message}`)));
      worker.on('exit', (code) => {
        if (!this.#closing) this.#fail(new RunError(`a worker thread ended with code ${code}`));
      });
      this.#idle.push(worker);
      return worker;
    });
  }

  get overflows(): number {
    return [...this.#overflows.values()].reduce((sum, count) => sum + count, 0);
  }

  async run(job: Job): Promise<Outcome[]> {
    while (this.#idle.length === 0 && !this.#failure)
      await new Promise<void>((wake) => this.#waiting.push(wake));
    if (this.#failure) throw this.#failure;
    const worker = this.#idle.pop()!;
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      worker.postMessage({ id, job });
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#fail(new RunError('the pool of worker threads is closed'));
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #settle(worker: Worker, reply: WorkerReply): void {
    const { resolve, reject } = this.#pending.get(reply.id)!;
    this.#pending.delete(reply.id);
    this.#idle.push(worker);
    this.#waiting.shift()?.();
    if ('outcomes' in reply) {
      this.#overflows.set(worker, reply.overflows);
      resolve(reply.outcomes);
    } else reject(revive(reply.error));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function revive({ input, message, place, note }: Extract<WorkerReply, { error: unknown }>['error']): Error {
  return input
    ? new InputError(message, { place, ...(note !== undefined && { note }) })
    : new RunError(message);
}
