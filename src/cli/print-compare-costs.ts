import type { CostComparison, CostMeasure, MachineCost } from '../cost/index.ts';
import type { Column } from './table.ts';
import { wrap } from './table.ts';

/** Columns of a comparison's table that say what its machines cost, a row a machine. */
export function costColumns({ costs }: CostComparison): { columns: Column[]; cells: string[][] } {
  const right = 'right' as const;
  const reports = costs.flatMap(({ report }) => report ?? []);
  const clocked = reports.every(({ total }) => total.seconds !== undefined);
  const time = unitOf(reports.map(({ total }) => total.seconds));
  const energy = unitOf(reports.map(({ total }) => total.energy.total && total.energy.total * 1e-12));
  const cells = costs.map((cost) => {
    const { report, share, pareto } = cost;
    if (!report) return ['-', '-', '-', ''];
    const { seconds, cycles } = report.total;
    const more = cycles.stall === undefined ? '> ' : '';
    return [
      more + (clocked ? scaled(seconds!, time.factor) : cycles.total.toLocaleString('en')),
      energyCell(cost, energy.factor),
      `${(100 * share!).toFixed(0)} %`,
      pareto ? '*' : '',
    ];
  });
  const columns = [
    { title: clocked ? `time, ${time.prefix}s` : 'cycles', align: right },
    { title: `energy, ${energy.prefix}J`, align: right },
    { title: 'of MACs', align: right },
    { title: 'Pareto' },
  ];
  return { columns, cells };
}

function energyCell({ report, wholeEnergy }: MachineCost, factor: number): string {
  const { total } = report!.total.energy;
  if (total === undefined) return '?';
  return `${wholeEnergy ? '' : '> '}${scaled(total * 1e-12, factor)}`;
}

const MEASURES: Record<CostMeasure, string> = {
  energy: 'energy a MAC, among machines whose compute, SRAM and DRAM energy are modelled',
  time: 'time a MAC',
  cycles: 'cycles a MAC',
};

/** What the columns mean. Standard error has why a machine could not be costed. */
export function printCostFooter(
  { costs, measure, stalls }: CostComparison,
  names: readonly string[],
  metric: string,
): void {
  const reports = costs.flatMap(({ report }) => report ?? []);
  for (const [i, { error }] of costs.entries()) {
    if (error) console.error(`note: no cost of ${names[i]}: ${error}`);
  }
  if (reports.length === 0) return;
  const { sequence } = reports[0]!.workload;
  const lines = [
    `cost: one prefill of ${sequence} tokens, batch 1; of MACs: the share of the products (multiply-accumulates) that the ` +
      'array computes, which time and energy are of; -: no array, or none that computes this',
  ];
  const partial = costs.some(
    ({ report, wholeEnergy }) => report?.total.energy.total !== undefined && !wholeEnergy,
  );
  if (partial || !stalls)
    lines.push('>: stalls, or the energy of compute, SRAM or DRAM, are not modelled and come on top');
  if (reports.some(({ total }) => total.energy.total === undefined))
    lines.push('?: no part of the energy is modelled');
  lines.push(
    measure
      ? `*: Pareto front of ${metric} and ${MEASURES[measure]}${measure !== 'energy' && !stalls ? ', all without stalls' : ''}: none is as good in both and better in one; equals stand together`
      : 'no Pareto front: fewer than two machines have a cost',
  );
  for (const line of lines.flatMap((text) => wrap(text, 96))) console.log(line);
}

const PREFIXES = ['p', 'n', 'u', 'm', '', 'k', 'M', 'G'] as const;

/** One unit for a column, in which the largest value is 1 to 1000. */
function unitOf(values: readonly (number | undefined)[]): { factor: number; prefix: string } {
  const largest = Math.max(0, ...values.filter((value) => value !== undefined));
  if (largest === 0) return { factor: 1, prefix: '' };
  const index = Math.floor(Math.log10(largest) / 3) + PREFIXES.indexOf('');
  const within = Math.min(Math.max(index, 0), PREFIXES.length - 1);
  return { factor: 1000 ** (within - PREFIXES.indexOf('')), prefix: PREFIXES[within]! };
}

function scaled(value: number, factor: number): string {
  return (value / factor).toPrecision(3);
}
