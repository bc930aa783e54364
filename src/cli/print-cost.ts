import type { CostReport, SiteCost } from '../cost/index.ts';
import { renderTable } from './table.ts';

const NOT_MODELLED = 'not modelled';

/**
 * What --json prints: one number each for the cycles in total, the energy (pJ) and the area (mm2), what they consist of
 * beside it. Cycles and traffic (bits) in all their digits; null: not modelled.
 */
export function costJson(report: CostReport, explain: boolean): unknown {
  const { constants, sites, total, ...rest } = report;
  const json = { ...rest, sites: sites.map(siteJson), total: totalJson(total) };
  return nulled({ ...json, ...(explain && { constants }) });
}

function siteJson({ energy, ...site }: SiteCost): unknown {
  return { ...site, ...split('energy', energy) };
}

export function totalJson({ cycles, energy, area, ...rest }: CostReport['total']): unknown {
  return { ...split('cycles', cycles), ...split('energy', energy), ...split('area', area), ...rest };
}

/** `energy`, the sum of what is modelled, and `energyByPart`. */
function split<T>(name: string, { total, ...parts }: { total: T }): Record<string, unknown> {
  return { [name]: total, [`${name}ByPart`]: parts };
}

export function nulled(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(nulled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, nulled(item)]));
}

export function printCost(report: CostReport, explain: boolean): void {
  const { machine, workload, sites, total } = report;
  const { name, phase, batch, sequence } = workload;
  const what = phase === 'file' ? '' : `, ${phase}, batch ${batch}, sequence ${sequence}`;
  console.log(`${name}${what} on ${machine}\n`);
  const right = 'right' as const;
  const columns = [
    { title: 'site' },
    { title: 'm x k x n, times', align: right },
    { title: 'cycles', align: right },
    { title: 'stall', align: right },
    { title: 'busy', align: right },
    { title: 'DRAM', align: right },
    { title: 'MAC/B', align: right },
    { title: 'energy', align: right },
  ];
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  const row = (site: SiteCost) => [
    site.site,
    `${site.m} x ${site.k} x ${site.n}${site.count > 1 ? `, ${site.count}` : ''}`,
    grouped(site.cycles.total),
    site.cycles.stall === undefined ? '?' : grouped(site.cycles.stall),
    share(site.utilization),
    site.traffic ? bytes(site.traffic.dramReads + site.traffic.dramWrites) : '?',
    site.intensity === undefined ? '?' : site.intensity.toPrecision(3),
    energy(site.energy.total) ?? '?',
  ];
  const { traffic, cycles } = total;
  const sum = [
    'total',
    '',
    grouped(cycles.total),
    cycles.stall === undefined ? '?' : grouped(cycles.stall),
    share(total.utilization),
    traffic ? bytes(traffic.dramReads + traffic.dramWrites) : '?',
    total.roofline.intensity?.toPrecision(3) ?? '?',
    energy(total.energy.total) ?? '?',
  ];
  console.log(`${renderTable(columns, [...sites.map(row), sum])}\n`);
  printTotal(report);
  if (explain) printConstants(report);
}

function printTotal({ total, notModelled }: CostReport): void {
  const { roofline: roof, area, traffic } = total;
  const rate = (value: number | undefined) => scaled(value, 'MAC/s');
  const lines: [string, string | undefined][] = [
    ['multiply-accumulates', grouped(total.macs)],
    ['latency', scaled(total.seconds, 's')],
    ['tokens a second', total.tokensPerSecond?.toPrecision(4)],
    ['tokens a joule', total.tokensPerJoule?.toPrecision(4)],
    ['average power', scaled(total.watts, 'W')],
    ['SRAM read, written', traffic && `${bytes(traffic.sramReads)}, ${bytes(traffic.sramWrites)}`],
    ['DRAM read, written', traffic && `${bytes(traffic.dramReads)}, ${bytes(traffic.dramWrites)}`],
    [
      'roofline',
      roof.bound &&
        `${roof.bound} bound: ${roof.intensity!.toPrecision(3)} MAC/B, ridge ${roof.ridge!.toPrecision(3)}`,
    ],
    [
      'peak, roof, reached',
      roof.roof === undefined
        ? rate(roof.peak)
        : `${rate(roof.peak)}, ${rate(roof.roof)}, ${rate(roof.reached)}`,
    ],
    ...Object.entries(total.energy).map(([part, value]): [string, string | undefined] => [
      part === 'total' ? 'energy, modelled parts' : `energy, ${part}`,
      energy(value),
    ]),
    ...Object.entries(area).map(([part, value]): [string, string | undefined] => [
      part === 'total'
        ? 'area, modelled parts'
        : `area, ${part.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`,
      value === undefined ? undefined : `${value.toPrecision(4)} mm2`,
    ]),
  ];
  const rows = lines.map(([what, value]) => [what, value ?? NOT_MODELLED]);
  console.log(renderTable([{ title: '' }, { title: '' }], rows));
  for (const what of notModelled) console.error(`note: ${NOT_MODELLED}: ${what}`);
}

function printConstants({ constants }: CostReport): void {
  const columns = [
    { title: 'figure' },
    { title: 'value', align: 'right' as const },
    { title: 'source', wrap: true },
  ];
  const rows = Object.entries(constants).map(([what, { value, unit, source }]) => [
    what,
    `${Number(value.toPrecision(4))} ${unit}`,
    source,
  ]);
  console.log(`\n${renderTable(columns, rows, 120)}`);
}

function grouped(value: bigint): string {
  return value.toLocaleString('en');
}

/** Of a count of bits. */
function bytes(bits: bigint): string {
  return scaled(Number(bits) / 8, 'B')!;
}

/** Of picojoules. */
function energy(picojoules: number | undefined): string | undefined {
  return picojoules === undefined ? undefined : scaled(picojoules * 1e-12, 'J');
}

const PREFIXES: readonly [factor: number, prefix: string][] = [
  [1e15, 'P'],
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
  [1, ''],
  [1e-3, 'm'],
  [1e-6, 'u'],
  [1e-9, 'n'],
  [1e-12, 'p'],
];

function scaled(value: number | undefined, unit: string): string | undefined {
  if (value === undefined) return undefined;
  const [factor, prefix] = PREFIXES.find(([least]) => value >= least) ?? [1, ''];
  const scaledValue = value / factor;
  return `${scaledValue >= 1000 ? Math.round(scaledValue) : scaledValue.toPrecision(4)} ${prefix}${unit}`;
}
