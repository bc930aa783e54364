import { describe, expect, it } from 'vitest';
import { loadMachine, type Machine } from '../machine/index.ts';
import { compareCosts } from './compare-costs.ts';
import { paretoFront } from './pareto.ts';
import { findShape } from './shapes/index.ts';
import { modelWorkload } from './workload.ts';

const WORKLOAD = modelWorkload('bert-base', findShape('bert-base').config, {
  phase: 'prefill',
  batch: 1,
  sequence: 128,
});

const presets = (...names: string[]) => Promise.all(names.map((name) => loadMachine(name)));

const marks = async (machines: Machine[], losses: number[]) => {
  const { costs, measure } = await compareCosts(machines, losses, WORKLOAD);
  return { measure, marks: costs.map(({ pareto }) => pareto) };
};

describe('the Pareto front', () => {
  it.each<[string, number[][], boolean[]]>([
    [
      'keeps what is best in one',
      [
        [1, 9],
        [2, 8],
        [3, 7],
      ],
      [true, true, true],
    ],
    [
      'drops what another beats in both, or in one at equal others',
      [
        [2, 2],
        [1, 1],
        [1, 2],
      ],
      [false, true, false],
    ],
    [
      'keeps equals together',
      [
        [1, 2],
        [1, 2],
        [1, 3],
      ],
      [true, true, false],
    ],
    ['is empty of nothing', [], []],
  ])('%s', (_, points, expected) => {
    expect(paretoFront(points)).toEqual(expected);
  });
});

describe('costs beside quality', () => {
  it('are judged by energy where two machines have all of it, and others are not judged', async () => {
    const machines = await presets('float32', 'olive-4bit', 'olive-8bit', 'adaptivfloat-8bit', 'realm-llama');
    // adaptivfloat loses more than olive-8bit and takes more energy.
    expect(await marks(machines, [0, 3, 1, 2, 0])).toEqual({
      measure: 'energy',
      marks: [undefined, true, true, false, undefined],
    });
    const { costs } = await compareCosts(machines, [0, 3, 1, 2, 0], WORKLOAD);
    expect(costs[0]).toMatchObject({ report: undefined, error: undefined });
    // A token of a layer: 12 · 768² with weights, 2 · 128 · 768 in the attention products; the pooler is little.
    expect(costs[1]!.share).toBeCloseTo((12 * 768) / (12 * 768 + 2 * 128), 3);
    expect(costs[4]!.share).toBe(1);
    expect(costs.map(({ wholeEnergy }) => wholeEnergy)).toEqual([false, true, true, true, false]);
  });

  it('are judged by time where energies lack parts, and by the multiply-accumulate', async () => {
    const machines = await presets('anda', 'realm-llama', 'smoothquant');
    // The two of ReaLM are one array: equals stand together; Anda's is slower and better.
    expect(await marks(machines, [1, 2, 2])).toEqual({ measure: 'time', marks: [true, true, true] });
    expect(await marks(machines, [3, 2, 2])).toEqual({ measure: 'time', marks: [false, true, true] });
  });

  it('are judged without stalls where one machine lacks them', async () => {
    const [anda, realm] = await presets('anda', 'realm-llama');
    // So narrow a memory that stalls decide between the two.
    const slow = { ...anda!, memory: { ...anda!.memory, dram: { bandwidth: 1e6, energy: 3.9 } } };
    const [waiting, working] = [
      await compareCosts([slow, anda!], [1, 1], WORKLOAD),
      await compareCosts([slow, anda!, realm!], [1, 1, 2], WORKLOAD),
    ];
    expect([waiting.stalls, working.stalls]).toEqual([true, false]);
    expect(waiting.costs.map(({ pareto }) => pareto)).toEqual([false, true]);
    expect(working.costs.map(({ pareto }) => pareto)).toEqual([true, true, true]);
  });

  it('leaves a machine that computes half of the products no better off', async () => {
    const [whole] = await presets('realm-llama');
    const half = { ...whole!, array: { ...whole!.array!, outside: ['fc1', 'fc2'] as const } };
    const { costs, measure } = await compareCosts([whole!, half], [1, 2], WORKLOAD);
    const [a, b] = costs.map(({ report }) => report!.total.seconds!);
    expect(b).toBeLessThan(a!);
    expect([measure, costs[1]!.share! < 0.5]).toEqual(['time', true]);
    expect(costs[1]!.pareto).toBe(b! / costs[1]!.share! < a! / costs[0]!.share!);
  });

  it('go by cycles where a machine has no clock, and say why one cannot be costed', async () => {
    const [realm, anda] = await presets('realm-llama', 'anda');
    const { clock: _, ...still } = realm!;
    expect((await marks([still, anda!], [1, 2])).measure).toBe('cycles');
    const broken = { ...realm!, array: { ...realm!.array!, multiplies: ['int4'] } };
    const { costs, measure } = await compareCosts([broken, anda!, realm!], [1, 2, 3], WORKLOAD);
    expect(costs[0]).toMatchObject({ report: undefined, error: expect.stringContaining('cannot multiply') });
    expect(costs[0]!.pareto).toBeUndefined();
    expect(costs.slice(1).every(({ pareto }) => pareto !== undefined)).toBe(true);
    expect(measure).toBe('time');
  });

  it('have no front of fewer than two machines', async () => {
    expect(await marks(await presets('float32', 'anda'), [1, 2])).toEqual({
      measure: undefined,
      marks: [undefined, undefined],
    });
  });
});
