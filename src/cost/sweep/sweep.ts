import { InputError } from '../../errors.ts';
import type { VariableMachine } from '../../machine/index.ts';
import type { Workload } from '../contract.ts';
import { costOf } from '../cost.ts';
import { prepareCost } from '../cost-machine.ts';
import { paretoFront } from '../pareto.ts';
import type { CostReport } from '../report.ts';
import type { WorkloadOptions } from '../workload.ts';
import { gridOf, parseAxis, type SweepAxis } from './values.ts';

/** One machine and workload of a sweep. */
export interface SweepPoint {
  /** One of each axis's values. */
  values: (number | string)[];
  /** Undefined where the machine cannot be, or cannot compute the workload. */
  total: CostReport['total'] | undefined;
  error: string | undefined;
  /** No other point is as fast, as frugal and as small, and better in one of these. */
  best: boolean;
}

export interface Sweep {
  axes: SweepAxis[];
  points: SweepPoint[];
}

/** Keys that are the workload's. */
const WORKLOAD_KEYS = ['batch', 'sequence'] as const;

/**
 * Costs a workload on a machine with every combination of other values at some keys.
 * @throws InputError for a range that is none, and where no point at all can be computed: the first one's mistake
 */
export async function sweep(
  machine: VariableMachine,
  workload: (options: WorkloadOptions) => Workload,
  options: WorkloadOptions,
  sets: readonly string[],
): Promise<Sweep> {
  const axes = sets.map((text) => parseAxis(text, machine.valueAt));
  const points: SweepPoint[] = [];
  let failure: InputError | undefined;
  for (const indices of gridOf(axes)) {
    const values = axes.map((axis, i) => axis.values[indices[i]!]!);
    try {
      const total = await costAt(machine, workload, options, axes, values);
      points.push({ values, total, error: undefined, best: false });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failure ??= error;
      points.push({ values, total: undefined, error: error.message, best: false });
    }
  }
  if (failure && points.every(({ total }) => !total)) throw failure;
  markBest(points);
  return { axes, points };
}

async function costAt(
  machine: VariableMachine,
  workload: (options: WorkloadOptions) => Workload,
  options: WorkloadOptions,
  axes: readonly SweepAxis[],
  values: readonly (number | string)[],
): Promise<CostReport['total']> {
  const changes: Record<string, unknown> = {};
  const size = { ...options };
  let sized: string | undefined;
  for (const [i, { key }] of axes.entries()) {
    const own = WORKLOAD_KEYS.find((name) => name === key);
    if (own) size[own] = Number(values[i]);
    else changes[key] = values[i];
    sized ??= own;
  }
  const of = workload(size);
  if (sized !== undefined && of.phase === 'file') {
    throw new InputError(`--set ${sized}: expected a model or a shape, found a topology`, {
      note: 'the rows of a topology say the sizes of its GEMMs',
    });
  }
  return costOf(await prepareCost(machine.with(changes)), of).total;
}

/**
 * What a point is judged by, less being better. A part that is not modelled at one of the points is no point's merit: to
 * count it as nothing would make the least known machine the best.
 */
function meritsOf(points: readonly SweepPoint[]): { point: SweepPoint; all: number[] }[] {
  const costed = points.flatMap((point) => (point.total ? [{ point, total: point.total }] : []));
  const shared = <K extends 'energy' | 'area'>(key: K) => {
    const parts = (total: CostReport['total']) =>
      Object.entries(total[key]) as [string, number | undefined][];
    const lacking = new Set(
      costed.flatMap(({ total }) =>
        parts(total).flatMap(([name, value]) => (value === undefined ? [name] : [])),
      ),
    ).add('total');
    return (total: CostReport['total']) =>
      parts(total).reduce((sum, [name, value]) => (lacking.has(name) ? sum : sum + value!), 0);
  };
  const [energy, area] = [shared('energy'), shared('area')];
  const timed = costed.every(({ total }) => total.seconds !== undefined);
  return costed.map(({ point, total }) => {
    const tokens = total.tokens ?? 1;
    const time = timed ? total.seconds! : Number(total.cycles.total);
    return { point, all: [time / tokens, energy(total) / tokens, area(total)] };
  });
}

function markBest(points: SweepPoint[]): void {
  const judged = meritsOf(points);
  const front = paretoFront(judged.map(({ all }) => all));
  for (const [i, { point }] of judged.entries()) point.best = front[i]!;
}
