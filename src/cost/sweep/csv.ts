import type { Sweep, SweepPoint } from './sweep.ts';

type Total = NonNullable<SweepPoint['total']>;

/** Columns beside the axes: title with unit, and where it comes from. */
const COLUMNS: Record<string, (total: Total) => bigint | number | undefined> = {
  macs: ({ macs }) => macs,
  'compute cycles': ({ cycles }) => cycles.compute,
  'stall cycles': ({ cycles }) => cycles.stall,
  cycles: ({ cycles }) => cycles.total,
  utilization: ({ utilization }) => utilization,
  'SRAM reads (bit)': ({ traffic }) => traffic?.sramReads,
  'SRAM writes (bit)': ({ traffic }) => traffic?.sramWrites,
  'DRAM reads (bit)': ({ traffic }) => traffic?.dramReads,
  'DRAM writes (bit)': ({ traffic }) => traffic?.dramWrites,
  'compute energy (pJ)': ({ energy }) => energy.compute,
  'SRAM energy (pJ)': ({ energy }) => energy.sram,
  'DRAM energy (pJ)': ({ energy }) => energy.dram,
  'static energy (pJ)': ({ energy }) => energy.static,
  'protection energy (pJ)': ({ energy }) => energy.protection,
  'recovery energy (pJ)': ({ energy }) => energy.recovery,
  'energy (pJ)': ({ energy }) => energy.total,
  'array area (mm2)': ({ area }) => area.array,
  'protection area (mm2)': ({ area }) => area.protection,
  'area (mm2)': ({ area }) => area.total,
  'latency (s)': ({ seconds }) => seconds,
  'tokens/s': ({ tokensPerSecond }) => tokensPerSecond,
  'tokens/J': ({ tokensPerJoule }) => tokensPerJoule,
  'power (W)': ({ watts }) => watts,
};

/** A line a point, RFC 4180. What is not modelled is empty; `best` is 1 on the Pareto front of time, energy and area. */
export function sweepCsv({ axes, points }: Sweep): string {
  const head = [
    ...axes.map(({ key, unit }) => (unit ? `${key} (${unit})` : key)),
    ...Object.keys(COLUMNS),
    'best',
    'error',
  ];
  const rows = points.map(({ values, total, best, error }) => [
    ...values.map((value, i) =>
      axes[i]!.numbers && axes[i]!.unit ? Number.parseFloat(String(value)) : value,
    ),
    ...Object.values(COLUMNS).map((of) => (total ? of(total) : undefined)),
    best ? 1 : 0,
    error,
  ]);
  return [head, ...rows].map((cells) => `${cells.map(cell).join(',')}\n`).join('');
}

function cell(value: bigint | number | string | undefined): string {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
