import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Combination,
  type SearchOutcome,
  type SearchSpace,
  type SearchStep,
  searchPrecision,
} from './precision.ts';

const MANTISSA = Array.from({ length: 16 }, (_, i) => i + 1);

/** qkv : o : u : d of OPT, whose feed-forward part is four times as wide as the model. */
const OPT = [3, 1, 4, 4];

function space(weights: readonly number[], from: number, to: number): SearchSpace {
  return {
    widths: weights.map(() => MANTISSA),
    starts: Array.from({ length: to - from + 1 }, (_, i) => weights.map(() => from + i)),
    cost: (combination) => combination.reduce((sum, width, i) => sum + width * weights[i]!, 0),
  };
}

async function run(
  searched: SearchSpace,
  evaluate: (combination: Combination) => number,
  acceptable: (metric: number) => boolean,
  iterations = 32,
): Promise<SearchOutcome & { steps: SearchStep[] }> {
  const search = searchPrecision(searched, evaluate, acceptable, iterations);
  const steps: SearchStep[] = [];
  for (;;) {
    const { done, value } = await search.next();
    if (done) return { ...value, steps };
    steps.push(value);
  }
}

describe('the trace of Anda, Fig. 9 (OPT-125M, tolerance 1 %)', () => {
  const TRACE = [
    ['4444', false],
    ['5555', false],
    ['6666', false],
    ['7777', true],
    ['7767', true],
    ['7757', false],
    ['7766', true],
    ['7756', false],
    ['7765', true],
    ['7755', false],
  ] as const;
  const verdicts = new Map<string, boolean>(TRACE);
  const evaluate = (combination: Combination) => Number(verdicts.get(combination.join('')));

  it('comes out step by step', async () => {
    const { steps, best, ended } = await run(space(OPT, 4, 13), evaluate, (metric) => metric === 1, 10);
    expect(steps.map(({ combination, accepted }) => [combination.join(''), accepted])).toEqual(TRACE);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(best).toMatchObject({ step: 9, combination: [7, 7, 6, 5] });
    expect(ended).toBe('iterations');
  });

  it('takes as many steps as it may', async () => {
    const { steps, best } = await run(space(OPT, 4, 13), evaluate, (metric) => metric === 1, 5);
    expect(steps).toHaveLength(5);
    expect(best?.combination).toEqual([7, 7, 6, 7]);
  });
});

describe('the search', () => {
  it('ends with the first start where everything is good, at the least width', async () => {
    const everything = { ...space(OPT, 1, 1) };
    expect(
      await run(
        everything,
        () => 0,
        () => true,
      ),
    ).toMatchObject({
      best: { step: 1, combination: [1, 1, 1, 1] },
      ended: 'exhausted',
    });
  });

  it('finds nothing where nothing is good, NaN included', async () => {
    const { best, steps, ended } = await run(
      space(OPT, 4, 13),
      () => Number.NaN,
      (metric) => metric <= 1,
    );
    expect(best).toBeUndefined();
    expect(steps.map(({ combination }) => combination[0])).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(ended).toBe('exhausted');
  });

  it('goes down widths of any kind, each class by its own', async () => {
    const widths = [
      [4, 8, 16],
      [2, 3],
    ];
    const searched = { widths, starts: [[16, 3]], cost: ([a, b]: Combination) => a! + b! };
    const { steps, best } = await run(
      searched,
      ([a]) => a!,
      (metric) => metric >= 8,
    );
    expect(steps.map(({ combination }) => combination.join(' '))).toEqual([
      '16 3',
      '8 3',
      '4 3',
      '8 2',
      '4 2',
    ]);
    expect(best?.combination).toEqual([8, 2]);
  });

  it('hands out a step before it begins the next', async () => {
    const events: string[] = [];
    const evaluate = (combination: Combination) => events.push(`evaluate ${combination.join('')}`);
    const search = searchPrecision(space(OPT, 4, 13), evaluate, () => false, 2);
    for await (const { combination } of search) events.push(`step ${combination.join('')}`);
    expect(events).toEqual(['evaluate 4444', 'step 4444', 'evaluate 5555', 'step 5555']);
  });

  /** Algorithm 1 word by word: it also evaluates what costs too much, and rejects it. */
  async function literal(searched: SearchSpace, good: (c: Combination) => boolean, iterations: number) {
    const queue = [...searched.starts];
    const visited = new Set(queue.map(String));
    let best: Combination | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < iterations && queue.length > 0; i++) {
      const costs = queue.map(searched.cost);
      const [next] = queue.splice(costs.indexOf(Math.min(...costs)), 1);
      if (!good(next!) || searched.cost(next!) >= least) continue;
      best = next!;
      least = searched.cost(best);
      for (const [j, width] of best.entries()) {
        const neighbour = best.with(j, width - 1);
        if (width === 1 || visited.has(String(neighbour))) continue;
        visited.add(String(neighbour));
        queue.push(neighbour);
      }
    }
    return best;
  }

  it('finds what Algorithm 1 finds, evaluates nothing twice, and only ever gets cheaper', async () => {
    const weight = fc.integer({ min: 1, max: 9 });
    const needed = fc.integer({ min: 1, max: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(weight, needed), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 60 }),
        async (classes, iterations) => {
          const searched = space(
            classes.map(([w]) => w),
            4,
            13,
          );
          const good = (c: Combination) => c.every((width, i) => width >= classes[i]![1]);
          const { steps, best } = await run(
            searched,
            (c) => Number(good(c)),
            (m) => m === 1,
            iterations,
          );
          expect(best?.combination).toEqual(await literal(searched, good, iterations));
          expect(new Set(steps.map(({ combination }) => combination.join())).size).toBe(steps.length);
          expect(steps.length).toBeLessThanOrEqual(iterations);
          const costs = steps.filter(({ accepted }) => accepted).map(({ cost }) => cost);
          expect(costs).toEqual(costs.toSorted((a, b) => b - a));
          expect(new Set(costs).size).toBe(costs.length);
        },
      ),
    );
  });
});
