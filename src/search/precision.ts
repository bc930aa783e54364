/**
 * Adaptive precision combination search (Anda, HPCA 2025, Algorithm 1), for any number of classes of values and any
 * widths: from uniform combinations down, one class by one width at a time, always the cheapest candidate first.
 */

/** A width a class, in the order of the classes. */
export type Combination = readonly number[];

export interface SearchSpace {
  /** The widths that each class can have, ascending. */
  widths: readonly (readonly number[])[];
  /** What the queue starts with; every width is one of its class's. */
  starts: readonly Combination[];
  /** Bit operations, or what else is to become small; a narrower combination costs less. */
  cost(combination: Combination): number;
}

export interface SearchStep {
  /** 1-based. */
  step: number;
  combination: Combination;
  cost: number;
  metric: number;
  /** The metric is good enough; the cost is below the best before in any case. */
  accepted: boolean;
}

export interface SearchOutcome {
  /** The last accepted step; undefined where none was. */
  best: SearchStep | undefined;
  /** Why it ended: all iterations done, or nothing cheaper than the best in the queue. */
  ended: 'iterations' | 'exhausted';
}

interface Candidate {
  combination: Combination;
  cost: number;
}

/**
 * Yields each step once its combination is evaluated, before the next is begun.
 *
 * Of candidates that cost the same the first that came is taken. The paper goes on through candidates that cost no less
 * than the best, which it then rejects whatever they measure; here the search ends at the first of them, with the same
 * result.
 *
 * @param evaluate the metric of a combination
 * @param acceptable whether a metric is within the tolerance of the reference; NaN is the caller's to refuse
 * @param iterations most combinations to evaluate
 */
export async function* searchPrecision(
  { widths, starts, cost }: SearchSpace,
  evaluate: (combination: Combination) => number | Promise<number>,
  acceptable: (metric: number) => boolean,
  iterations: number,
): AsyncGenerator<SearchStep, SearchOutcome> {
  const queue: Candidate[] = [];
  const visited = new Set<string>();
  const enter = (combination: Combination) => {
    const key = combination.join();
    if (visited.has(key)) return;
    visited.add(key);
    queue.push({ combination, cost: cost(combination) });
  };
  for (const start of starts) enter(start);

  let best: SearchStep | undefined;
  for (let step = 1; ; step++) {
    const candidate = takeCheapest(queue);
    if (!candidate || (best && candidate.cost >= best.cost)) return { best, ended: 'exhausted' };
    if (step > iterations) return { best, ended: 'iterations' };
    const metric = await evaluate(candidate.combination);
    const done: SearchStep = { step, ...candidate, metric, accepted: acceptable(metric) };
    if (done.accepted) {
      best = done;
      for (const neighbour of neighbours(done.combination, widths)) enter(neighbour);
    }
    yield done;
  }
}

/** Removes the candidate of the least cost, the first of equals: the queue is in the order of arrival. */
function takeCheapest(queue: Candidate[]): Candidate | undefined {
  let cheapest = 0;
  for (let i = 1; i < queue.length; i++) if (queue[i]!.cost < queue[cheapest]!.cost) cheapest = i;
  return queue.splice(cheapest, 1)[0];
}

/** One class a width narrower, class by class; none below the least width. */
function* neighbours(combination: Combination, widths: SearchSpace['widths']): Generator<Combination> {
  for (const [i, width] of combination.entries()) {
    const narrower = widths[i]![widths[i]!.indexOf(width) - 1];
    if (narrower !== undefined) yield combination.with(i, narrower);
  }
}
