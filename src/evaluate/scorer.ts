import { type Matrix, type Model, rowsOf } from '../model/index.ts';
import type { ClassifyRequest, ClassScore, Score, ScoreRequest } from './request.ts';

/** Logits held at a time, in values: a head over a whole sequence of a large vocabulary would not fit a cache. */
const LOGITS = 1 << 25;

/** Rows of the head at a time. */
export function headRows(vocabulary: number): number {
  return Math.max(1, Math.floor(LOGITS / vocabulary));
}

/** Answers requests on one thread: a model, and the float32 reference where it is compared with one. */
export class Scorer {
  readonly #model: Model;
  readonly #reference: Model | undefined;

  /** @param reference on the same kernels */
  constructor(model: Model, reference?: Model) {
    this.#model = model;
    this.#reference = reference;
  }

  /** Requests that go through the layers together: a streamed layer is read once for all of them. */
  async score(requests: readonly ScoreRequest[]): Promise<Score[]> {
    const { kernels } = this.#model.datapath;
    const mark = kernels.mark();
    const states = await this.#model.hidden(requests);
    const references = await this.#reference?.hidden(requests);
    const scores: Score[] = [];
    for (const [i, request] of requests.entries()) {
      scores.push(await this.#scoreOne(request, states[i]!, references?.[i]));
    }
    kernels.release(mark);
    return scores;
  }

  async classify(requests: readonly ClassifyRequest[]): Promise<ClassScore[]> {
    const { kernels } = this.#model.datapath;
    const mark = kernels.mark();
    const states = await this.#model.hidden(requests);
    const references = await this.#reference?.hidden(requests);
    const scores: ClassScore[] = [];
    for (const [i, state] of states.entries()) {
      const logits = Float32Array.from((await this.#model.logits(state)).data);
      const reference = references && Float32Array.from((await this.#reference!.logits(references[i]!)).data);
      scores.push({ logits, ...(reference && { reference }) });
    }
    kernels.release(mark);
    return scores;
  }

  async #scoreOne(
    { tokens, from }: ScoreRequest,
    state: Matrix,
    reference: Matrix | undefined,
  ): Promise<Score> {
    const { kernels } = this.#model.datapath;
    const { vocabulary } = this.#model.config;
    const count = tokens.length - from;
    const score: Score = { nll: new Float64Array(count), correct: new Uint8Array(count) };
    if (reference)
      Object.assign(score, { divergence: new Float64Array(count), agree: new Uint8Array(count) });
    const step = headRows(vocabulary);
    for (let first = 0; first < count; first += step) {
      const rows = Math.min(step, count - first);
      const mark = kernels.mark();
      // Row i of the head predicts token i + 1.
      const { data: logits } = await this.#model.logits(rowsOf(state, from - 1 + first, rows));
      const sums = new Float64Array(rows);
      const best = new Int32Array(rows);
      kernels.logSumExp(sums, logits, vocabulary);
      kernels.argMax(best, logits, vocabulary);
      for (let row = 0; row < rows; row++) {
        const target = tokens[from + first + row]!;
        score.nll[first + row] = sums[row]! - logits[row * vocabulary + target]!;
        score.correct[first + row] = Number(best[row] === target);
      }
      if (reference) {
        const { data: expected } = await this.#reference!.logits(rowsOf(reference, from - 1 + first, rows));
        const chosen = new Int32Array(rows);
        kernels.argMax(chosen, expected, vocabulary);
        kernels.divergence(score.divergence!.subarray(first, first + rows), expected, logits, vocabulary);
        for (let row = 0; row < rows; row++) score.agree![first + row] = Number(best[row] === chosen[row]);
      }
      kernels.release(mark);
    }
    return score;
  }
}
