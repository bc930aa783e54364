import type { WorkloadGemm } from '../../cost/index.ts';
import { compareEntry, type Entry } from '../entry.ts';
import { ANT_RESULTS } from './figures.ts';
import { BATCH, SEQUENCE } from './models.ts';
import { type Cost, costOn, type SizedGemm, total } from './run.ts';

type Task = keyof typeof ANT_RESULTS;
type Design = keyof (typeof ANT_RESULTS)['MNLI'];

/** How many products of each kind a method computes at 8 bits; the rest of them at 4. */
interface EightBit {
  attention: number;
  fc1: number;
  fc2: number;
  pooler: boolean;
  classifier: boolean;
}

const NONE: EightBit = { attention: 0, fc1: 0, fc2: 0, pooler: false, classifier: false };
const ALL: EightBit = { attention: 48, fc1: 12, fc2: 12, pooler: true, classifier: true };

/** The simulator's benchmark lists: BERT-base with pooler and classifier, by task. */
const EIGHT_BIT: Record<Task, Record<'ant' | 'bitfusion', EightBit>> = {
  MNLI: {
    ant: { attention: 3, fc1: 0, fc2: 1, pooler: true, classifier: true },
    bitfusion: { attention: 37, fc1: 12, fc2: 7, pooler: true, classifier: false },
  },
  CoLA: {
    ant: { attention: 7, fc1: 0, fc2: 1, pooler: true, classifier: true },
    bitfusion: ALL,
  },
  'SST-2': {
    ant: NONE,
    bitfusion: { attention: 36, fc1: 12, fc2: 2, pooler: false, classifier: false },
  },
};

/** The published table of ANT's simulator, on the three tasks of BERT-base. */
export function antSimulator(): Entry[] {
  return (Object.keys(ANT_RESULTS) as Task[]).flatMap((task) => {
    const adafloat = costOn('adafloat', workload(ALL));
    const ant = workload(EIGHT_BIT[task].ant);
    const costs: Record<Design, Cost> = {
      ant: costOn('ant', ant),
      antWeightStationary: costOn('antWeightStationary', ant),
      bitfusion: costOn('bitfusion', workload(EIGHT_BIT[task].bitfusion)),
      olaccel: costOn('olaccel', workload(NONE)),
    };
    return (Object.keys(costs) as Design[]).flatMap((design) => {
      const paper = ANT_RESULTS[task][design];
      const { cycles, energy } = costs[design];
      const facts = {
        source: "ANT's public simulator, results/ant_res.csv",
        unit: '',
        note: "relative to AdaFloat; two decimals printed; the simulator's own width of each layer",
      };
      const id = `ant-simulator.${task.toLowerCase()}.${design}`;
      return [
        compareEntry({
          ...facts,
          id: `${id}.cycles`,
          paper: paper.cycles,
          ours: Number(cycles) / Number(adafloat.cycles),
          // Half of the last decimal.
          tolerance: { kind: 'absolute', within: 0.005 },
        }),
        ...(['static', 'dram', 'buffer', 'core'] as const).map((part, i) =>
          compareEntry({
            ...facts,
            id: `${id}.${part}`,
            paper: paper.energy[i]!,
            ours: energy[i]! / total(adafloat.energy),
            tolerance: { kind: 'absolute', within: 0.01 },
          }),
        ),
      ];
    });
  });
}

function workload(eight: EightBit): SizedGemm[] {
  const tokens = BATCH * SEQUENCE;
  return [
    ...split({ site: 'qkvo', m: tokens, k: 768, n: 768, count: 48, weight: true }, eight.attention),
    ...split({ site: 'fc1', m: tokens, k: 768, n: 3072, count: 12, weight: true }, eight.fc1),
    ...split({ site: 'fc2', m: tokens, k: 3072, n: 768, count: 12, weight: true }, eight.fc2),
    ...split({ site: 'pooler', m: BATCH, k: 768, n: 768, count: 1, weight: true }, eight.pooler ? 1 : 0),
    ...split(
      { site: 'classifier', m: BATCH, k: 768, n: 2, count: 1, weight: true },
      eight.classifier ? 1 : 0,
    ),
  ];
}

function split(gemm: WorkloadGemm, eight: number): SizedGemm[] {
  const parts: SizedGemm[] = [
    { ...gemm, count: eight, bits: 8 },
    { ...gemm, count: gemm.count - eight, bits: 4 },
  ];
  return parts.filter(({ count }) => count > 0);
}
