import type { QuantizedNumbers, QuantizeReport } from '../formats/index.ts';
import type { TensorReport } from '../tensor-files/index.ts';
import { printJson } from './print.ts';
import { type Column, renderTable } from './table.ts';

interface Flags {
  json?: boolean;
  tensor?: string;
}

const right = 'right' as const;
/** A name and what it is. */
const PAIRS: Column[] = [{ title: '' }, { title: '', wrap: true }];

/** One report of a file with one array or of a tensor that was asked for, a table or list of the others. */
export function printReports(reports: readonly TensorReport[], path: string, { json, tensor }: Flags): void {
  const single = tensor !== undefined || reports.every((report) => report.tensor === undefined);
  if (json) {
    printJson(single ? asJson(reports[0]!) : reports.map(asJson));
    return;
  }
  const first = reports[0]!;
  if (single) {
    const name = first.tensor === undefined ? path : `${first.tensor} of ${path}`;
    console.log(`${first.format} of ${name}, [${first.shape.join(', ')}]\n`);
    console.log(renderTable(PAIRS, figures(first, first.scales)));
    return;
  }
  const columns: Column[] = [
    { title: 'tensor', wrap: true },
    { title: 'shape' },
    { title: 'bits', align: right },
    { title: 'SNR, dB', align: right },
    { title: 'MSE', align: right },
    { title: 'max error', align: right },
    { title: '', wrap: true },
  ];
  const rows = reports.map((report) => [
    report.tensor ?? '',
    report.shape.join(' x '),
    bits(report),
    decibels(report.snrDb),
    report.mse.toPrecision(4),
    report.maxError.toPrecision(4),
    factWords(report.facts)
      .map(([name, value]) => `${name} ${value}`)
      .join('; '),
  ]);
  const scale = first.granularity === 'none' ? 'no scale' : `a scale a ${unit(first.granularity)}`;
  console.log(`${first.format}, ${scale}, of ${path}\n`);
  console.log(renderTable(columns, rows));
  if (reports.some(({ sampledValues }) => sampledValues !== undefined))
    console.log('\n~ of the first values only: the tensor is large (--pack counts every bit)');
}

/** Facts last but for the scales, so that what one looks for stands at the top. */
function asJson(report: TensorReport): Record<string, unknown> {
  const { scales, facts, ...rest } = report;
  return { ...rest, ...facts, scales: [...scales] };
}

/** Numbers of the command line, each with its code in `width` bits. */
export function printNumbers(
  { report, scales, numbers }: QuantizedNumbers,
  width: number,
  { json }: Flags,
): void {
  const longest = Math.max(1, ...numbers.map(({ code }) => 32 - Math.clz32(code)));
  const digits = Math.max(longest, Number.isFinite(width) ? width : 0);
  const rows = numbers.map((number) => ({ ...number, code: number.code.toString(2).padStart(digits, '0') }));
  if (json) {
    const { facts, ...rest } = report;
    printJson({ ...rest, ...facts, scales: [...scales], values: rows });
    return;
  }
  const columns: Column[] = ['x', 'code', 'element', 'value', 'error'].map((title) => ({
    title,
    align: right,
  }));
  const cells = rows.map(({ x, code, element, value }) => [
    short(x),
    code,
    short(element),
    short(value),
    short(x - value),
  ]);
  console.log(`${report.format} of ${numbers.length} numbers\n`);
  console.log(`${renderTable(columns, cells)}\n`);
  console.log(renderTable(PAIRS, figures(report, scales)));
}

export function printUnpacked(
  tensors: readonly { tensor: string; shape: readonly number[] }[],
  out: string,
  { json }: Flags,
): void {
  if (json) {
    printJson(tensors);
    return;
  }
  const rows = tensors.map(({ tensor, shape }) => [tensor, shape.join(' x ')]);
  console.log(
    `${renderTable([{ title: 'tensor', wrap: true }, { title: 'shape' }], rows)}\n\nwritten to ${out}`,
  );
}

function figures(report: QuantizeReport, scales: Float32Array): [string, string][] {
  const settings = Object.entries(report.settings).map(([key, value]) => `${key} ${value}`);
  const sample = report.sampledValues?.toLocaleString('en');
  return [
    ['bits a value', sample ? `${bits(report)} (of the first ${sample} values)` : bits(report)],
    ['SNR', Number.isFinite(report.snrDb) ? `${decibels(report.snrDb)} dB` : decibels(report.snrDb)],
    ['MSE', report.mse.toPrecision(6)],
    ['max error', report.maxError.toPrecision(6)],
    ...(settings.length > 0 ? [['settings', settings.join(', ')] as [string, string]] : []),
    ['scales', scaleWords(report, scales)],
    ...factWords(report.facts),
  ];
}

function scaleWords({ granularity }: QuantizeReport, scales: Float32Array): string {
  if (scales.length === 0) return 'none';
  if (scales.length === 1) return `${short(scales[0]!)} (one a ${unit(granularity)})`;
  const sorted = scales.toSorted();
  const range = `${short(sorted[0]!)} to ${short(sorted.at(-1)!)}, median ${short(sorted[sorted.length >> 1]!)}`;
  return `${range}; ${scales.length.toLocaleString('en')}, one a ${unit(granularity)}`;
}

/** `group:64` as a noun. */
function unit(granularity: string): string {
  return granularity.replace(':', ' of ');
}

/** What a format says of itself, long lists by how often each value is in them. */
function factWords(facts: Record<string, unknown>): [string, string][] {
  return Object.entries(facts).map(([key, value]) => [
    key.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase(),
    factText(value),
  ]);
}

function factText(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  if (Array.isArray(value)) {
    if (value.length <= 8) return value.map(factText).join(', ');
    const counts = [...Map.groupBy(value, factText)].sort(([, a], [, b]) => b.length - a.length);
    const shown = counts.slice(0, 8).map(([text, items]) => `${text} x ${items.length}`);
    return counts.length > 8 ? `${value.length} values` : shown.join(', ');
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, item]) => `${key} ${factText(item)}`)
      .join(', ');
  return String(value);
}

function bits({ bitsPerValue, sampledValues }: QuantizeReport): string {
  return `${sampledValues === undefined ? '' : '~'}${Number(bitsPerValue.toFixed(4))}`;
}

function decibels(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : value > 0 ? 'exact' : String(value);
}

/** As many digits as a float32 has, no more than it needs. */
function short(value: number): string {
  return Object.is(value, -0) ? '-0' : String(Number(value.toPrecision(7)));
}
