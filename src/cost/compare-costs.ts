import { InputError } from '../errors.ts';
import type { Machine } from '../machine/index.ts';
import type { Workload } from './contract.ts';
import { costOf } from './cost.ts';
import { prepareCost } from './cost-machine.ts';
import { paretoFront } from './pareto.ts';
import type { CostReport } from './report.ts';

/** What machines are judged by beside their quality: the first of these that two of them have. */
export type CostMeasure = 'energy' | 'time' | 'cycles';

export interface MachineCost {
  report: CostReport | undefined;
  /** Why there is none; undefined for a machine without an array. */
  error: string | undefined;
  /** Share of the workload's multiply-accumulates that the array computes, 0..1. */
  share: number | undefined;
  /** Whether compute, SRAM and DRAM are all in the energy. */
  wholeEnergy: boolean;
  /** Undefined where the machine is not judged. */
  pareto: boolean | undefined;
}

export interface CostComparison {
  costs: MachineCost[];
  /** Undefined where fewer than two machines can be judged. */
  measure: CostMeasure | undefined;
  /** Whether every cost has stalls; time and cycles are judged without them where one lacks them. */
  stalls: boolean;
}

/**
 * Costs one workload on machines whose quality is known, and marks the Pareto front of the two.
 *
 * Arrays that leave sites to something else compute less, so a cost is judged by the multiply-accumulate on the array.
 * Measures do not mix: energy where at least two machines have all of compute, SRAM and DRAM modelled (a sum that lacks a
 * part would win by that); else time where all that are costed have a clock; else cycles. Stalls that one lacks count for
 * none.
 * @param losses what each machine's quality lacks: less is better
 */
export async function compareCosts(
  machines: readonly Machine[],
  losses: readonly number[],
  workload: Workload,
): Promise<CostComparison> {
  const costs: MachineCost[] = [];
  for (const machine of machines) costs.push(await machineCost(machine, workload));
  const measure = measureOf(costs);
  const stalls = costs.every(({ report }) => report?.total.cycles.stall !== undefined || !report);
  const judged = measure
    ? costs.flatMap((cost, i) => {
        const merit = meritOf(cost, measure, stalls);
        const loss = losses[i]!;
        return merit === undefined || Number.isNaN(loss) ? [] : [{ cost, figures: [loss, merit] }];
      })
    : [];
  const front = paretoFront(judged.map(({ figures }) => figures));
  for (const [i, { cost }] of judged.entries()) cost.pareto = front[i]!;
  return { costs, measure, stalls };
}

async function machineCost(machine: Machine, workload: Workload): Promise<MachineCost> {
  const none = { report: undefined, error: undefined, share: undefined, wholeEnergy: false };
  if (!machine.array) return { ...none, pareto: undefined };
  try {
    const report = costOf(await prepareCost(machine), workload);
    const { compute, sram, dram } = report.total.energy;
    return {
      report,
      error: undefined,
      share: Number(report.total.macs) / Number(macsOf(workload)),
      wholeEnergy: [compute, sram, dram].every((part) => part !== undefined),
      pareto: undefined,
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...none, error: error.message, pareto: undefined };
  }
}

function macsOf({ gemms }: Workload): bigint {
  return gemms.reduce(
    (sum, { m, k, n, count }) => sum + BigInt(m) * BigInt(k) * BigInt(n) * BigInt(count),
    0n,
  );
}

function measureOf(costs: readonly MachineCost[]): CostMeasure | undefined {
  if (costs.filter(({ wholeEnergy }) => wholeEnergy).length > 1) return 'energy';
  const reports = costs.flatMap(({ report }) => report ?? []);
  if (reports.length < 2) return undefined;
  return reports.every(({ total }) => total.seconds !== undefined) ? 'time' : 'cycles';
}

function meritOf(
  { report, wholeEnergy }: MachineCost,
  measure: CostMeasure,
  stalls: boolean,
): number | undefined {
  if (!report) return undefined;
  const { energy, seconds, cycles, macs } = report.total;
  if (measure === 'energy') return wholeEnergy ? energy.total! / Number(macs) : undefined;
  const judged = Number(stalls ? cycles.total : cycles.compute);
  const period = measure === 'time' ? seconds! / Number(cycles.total) : 1;
  return (judged * period) / Number(macs);
}
