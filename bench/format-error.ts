/**
 * What formats of about 4 bits lose: on the twelve real attention output projections of GPT-2 117M, and on synthetic
 * activations with the real channel maxima of OPT-1.3B. Everything as Markdown: `node bench/format-error.ts`
 */
import { createFormat, fakeQuantize, quantize, type TensorFormat } from '../src/formats/index.ts';
import { createKernels, type Kernels } from '../src/kernels/index.ts';
import { gpt2Projections, type Matrix, OPT_INPUTS, optActivations } from '../test/real-tensors.ts';
import type { Row } from './row.ts';

type Choice = readonly [name: string, granularity?: string, settings?: Record<string, number | string>];

/** Everything with about 4 bits, and what a little less or more costs. A row is an output channel. */
const WEIGHTS: readonly Choice[] = [
  ['int4', 'channel'],
  ['int4', 'channel', { clip: 'mse' }],
  ['int4', 'group:128'],
  ['int4', 'group:64'],
  ['int4', 'group:128', { clip: 'mse' }],
  ['int4', 'group:128', { range: 'asymmetric' }],
  ['olive4', 'channel'],
  ['olive4', 'channel', { variant: 'paper-nearest' }],
  ['olive-int4', 'channel'],
  ['olive-int4', 'channel', { variant: 'paper-nearest' }],
  ['olive-flint4', 'channel'],
  ['olive-flint4', 'channel', { variant: 'paper-nearest' }],
  ['ant', 'channel', { bits: 4 }],
  ['flint4', 'channel'],
  ['pot4', 'channel'],
  ['float4-e2m1', 'channel'],
  ['mxfp4', 'group:32', { rule: 'floor' }],
  ['mxfp4', 'group:32', { rule: 'ceil' }],
  ['mxfp4', 'group:32', { rule: 'even' }],
  ['nvfp4', 'group:16'],
  ['nf4', 'group:64'],
  ['nf4', 'channel'],
  ['vs-quant', 'group:16', { bits: 4 }],
  ['msfp', 'group:16', { bits: 12 }],
  ['gobo', 'tensor', { bits: 3 }],
  ['gobo', 'tensor', { bits: 4 }],
  ['olaccel', 'channel'],
  ['anda', 'group:64', { mantissa: 3 }],
  ['anda', 'group:64', { mantissa: 4 }],
  ['adaptivfloat', 'channel', { bits: 4, exponent: 2 }],
  ['adaptivfloat', 'channel', { bits: 4, exponent: 2, variant: 'paper' }],
  ['adaptivfloat', 'channel', { bits: 4, exponent: 3 }],
];

/** One scale a tensor where the format allows it, as OliVe, ANT and OLAccel have activations. */
const ACTIVATIONS: readonly Choice[] = [
  ['int4', 'tensor'],
  ['int4', 'tensor', { clip: 'mse' }],
  ['int4', 'token'],
  ['ant', 'tensor', { bits: 4 }],
  ['olive4', 'tensor'],
  ['olive4', 'tensor', { variant: 'paper-nearest' }],
  ['olive-int4', 'tensor'],
  ['olive-flint4', 'tensor'],
  ['olaccel', 'tensor'],
  ['float4-e2m1', 'tensor'],
  ['mxfp4', 'group:32', { rule: 'floor' }],
  ['mxfp4', 'group:32', { rule: 'ceil' }],
  ['mxfp4', 'group:32', { rule: 'even' }],
  ['nvfp4', 'group:16'],
  ['vs-quant', 'group:16', { bits: 4 }],
  ['anda', 'group:64', { mantissa: 4 }],
  ['int8', 'tensor'],
  ['olive-int8', 'tensor'],
];

/** Every third layer: the outlier channels change slowly from one to the next. */
const LAYERS = [0, 3, 6, 9, 12, 15, 18, 21];

interface Losses {
  label: string;
  /** Of each matrix whose bits were counted. */
  bitsPerValue: number[];
  /** SNR of each matrix, dB. */
  snrDb: number[];
}

/** Undefined where the data are missing, the reason printed. */
async function measureWeights(kernels: Kernels): Promise<Losses[] | undefined> {
  const matrices = await gpt2Projections();
  if (!matrices) return undefined;
  const contenders = contendersOf(WEIGHTS);
  for (const matrix of matrices) add(kernels, contenders, matrix, true);
  return contenders;
}

/** Matrices in the order of the layers, within a layer in that of OPT_INPUTS; undefined as above. */
async function measureActivations(kernels: Kernels): Promise<Losses[] | undefined> {
  const contenders = contendersOf(ACTIVATIONS);
  let first = true;
  for await (const matrix of optActivations(LAYERS)) {
    // Real bits come from the oracle, which is slow.
    add(kernels, contenders, matrix, first);
    first = false;
  }
  return contenders[0]!.snrDb.length > 0 ? contenders : undefined;
}

interface Contender extends Losses {
  format: TensorFormat;
}

function contendersOf(choices: readonly Choice[]): Contender[] {
  return choices.map(([name, granularity, settings = {}]) => {
    const format = createFormat(name, settings, granularity);
    const words = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    const label = [name, granularity, ...words].join(' ');
    return { label, format, bitsPerValue: [], snrDb: [] };
  });
}

function add(kernels: Kernels, contenders: Contender[], matrix: Matrix, countBits: boolean): void {
  const { data, rows, columns } = matrix;
  const out = new Float32Array(data.length);
  for (const { format, snrDb, bitsPerValue } of contenders) {
    if (countBits) bitsPerValue.push(bitsOf(kernels, format, data, [rows, columns]));
    fakeQuantize(kernels, format, data, columns, out);
    snrDb.push(signalToNoise(data, out));
  }
}

function bitsOf(kernels: Kernels, format: TensorFormat, data: Float32Array, shape: number[]): number {
  const mark = kernels.mark();
  const { report } = quantize(kernels, kernels.load(data), shape, format);
  kernels.release(mark);
  return report.bitsPerValue;
}

function signalToNoise(x: Float32Array, rounded: Float32Array): number {
  let [signal, noise] = [0, 0];
  for (const [i, value] of x.entries()) {
    signal += value * value;
    noise += (value - rounded[i]!) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

export async function run(): Promise<Row[]> {
  const kernels = await createKernels();
  const weights = await measureWeights(kernels);
  const activations = await measureActivations(kernels);
  return [
    ...(weights ?? []).map((losses) => row('GPT-2 weights', losses)),
    ...(activations ?? []).map((losses) => row('OPT activations (synthetic)', losses)),
  ];
}

function row(what: string, { label, bitsPerValue, snrDb }: Losses): Row {
  const note = `least ${Math.min(...snrDb).toFixed(2)}, ${mean(bitsPerValue).toFixed(3)} bits a value`;
  return { what: `${what}, ${label}`, value: mean(snrDb), unit: 'dB', note };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function weightsTable(all: readonly Losses[]): string {
  const head = ['format', 'bits', 'least', 'mean', ...all[0]!.snrDb.map((_, layer) => `h.${layer}`)];
  const rows = all.map(({ label, bitsPerValue, snrDb }) => [
    `\`${label}\``,
    mean(bitsPerValue).toFixed(2),
    ...[Math.min(...snrDb), mean(snrDb), ...snrDb].map((snr) => snr.toFixed(1)),
  ]);
  return markdown([head, ...rows]);
}

/** A column for what the activations go into: mean and least over the layers. */
function activationsTable(all: readonly Losses[]): string {
  const head = ['format', 'bits', ...OPT_INPUTS];
  const rows = all.map(({ label, bitsPerValue, snrDb }) => [
    `\`${label}\``,
    mean(bitsPerValue).toFixed(2),
    ...OPT_INPUTS.map((_, input) => {
      const layers = snrDb.filter((_, i) => i % OPT_INPUTS.length === input);
      return `${mean(layers).toFixed(1)} (${Math.min(...layers).toFixed(1)})`;
    }),
  ]);
  return markdown([head, ...rows]);
}

/** The first column to the left, numbers to the right. */
function markdown([head, ...rows]: string[][]): string {
  const rule = head!.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head!, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

if (import.meta.main) {
  const kernels = await createKernels();
  const weights = await measureWeights(kernels);
  if (weights) console.log(`SNR in dB on GPT-2's attention output projections\n\n${weightsTable(weights)}\n`);
  const activations = await measureActivations(kernels);
  if (activations)
    console.log(
      `SNR in dB on synthetic activations of OPT-1.3B, mean (least)\n\n${activationsTable(activations)}`,
    );
}
