import { InputError, type Place } from '../errors.ts';
import type { Kernels } from '../kernels/index.ts';
import type { Codes, Fit, Granularity, Packed, TensorFormat } from './tensor-format.ts';

/**
 * Most values of a tensor: what `fit` sees, the rounded copy and one more of the same size for a search fit together
 * into the 4 GiB of a kernel memory.
 */
export const MAXIMUM_VALUES = 2 ** 28;
/** Up to here every value goes through the oracle for its code (seconds); of larger tensors the first SAMPLE do. */
const ORACLE_VALUES = 2 ** 24;
const SAMPLE = 2 ** 20;
/** Values compared at a time. */
const BLOCK = 2 ** 20;

/** What a format made of a tensor. */
export interface QuantizeReport {
  format: string;
  settings: Readonly<Record<string, number | string>>;
  /** `tensor`, `channel` (a row), `group:N`, or `none` where values take no scale. */
  granularity: string;
  shape: readonly number[];
  /** Of codes, scales and whatever else is stored; 0 for a tensor without values. */
  bitsPerValue: number;
  /** Mean of (x - q)²; 0 for a tensor without values. */
  mse: number;
  /** 10 log10(Σ x² / Σ (x - q)²): Infinity where nothing is lost, zeros and empty tensors included; JSON has "Infinity". */
  snrDb: number;
  /** Largest |x - q|. */
  maxError: number;
  /** Where a tensor is too large for the oracle: bits and facts are those of its first rows, fitted by themselves. */
  sampledValues?: number;
  /** What the format has to say: chosen types, shares of pair kinds. */
  facts: Record<string, unknown>;
}

export interface Quantized {
  report: QuantizeReport;
  /** The values that the codes carry, in the shape of the tensor, in the kernel memory until its mark is released. */
  values: Float32Array;
  fit: Fit;
  /** Absent for a large tensor unless asked for. */
  codes?: Codes;
  packed?: Packed;
}

/** Rows and columns of a tensor of any rank: the last axis is a row's; a vector is one row, a number one of one value. */
export function matrixShape(shape: readonly number[]): { rows: number; columns: number } {
  const columns = shape.at(-1) ?? 1;
  return { rows: shape.slice(0, -1).reduce((product, size) => product * size, 1), columns };
}

/** A granularity in the words of the command line. */
export function granularityName(granularity: Granularity): string {
  if (granularity === 'row') return 'channel';
  return granularity === 'tensor' ? 'tensor' : `group:${granularity.group}`;
}

/**
 * A tensor through a format: fit, round, compare, and code where that is asked for or does not take long.
 *
 * @param x the values, in the kernel memory; they stay as they are
 * @param options.codes every code and the packed bits, however large the tensor
 * @throws InputError for NaN and infinity
 */
export function quantize(
  kernels: Kernels,
  x: Float32Array,
  shape: readonly number[],
  format: TensorFormat,
  options: { codes?: boolean; place?: Place } = {},
): Quantized {
  const { rows, columns } = matrixShape(shape);
  if (rows * columns !== x.length)
    throw new RangeError(`expected ${rows * columns} values, found ${x.length}`);
  checkFinite(kernels, x, options.place);
  const report = {
    format: format.name,
    settings: format.settings,
    granularity: granularityName(format.granularity),
    shape,
  };
  if (x.length === 0) {
    return {
      report: { ...report, bitsPerValue: 0, ...errorOf(0, 0, 0), maxError: 0, facts: {} },
      values: x,
      fit: { scales: new Float32Array() },
      codes: new Uint32Array(),
      packed: { sections: {}, bits: 0 },
    };
  }
  const fit = format.fit(kernels, x, columns);
  if (fit.scales.length === 0) report.granularity = 'none';
  const values = kernels.load(x);
  format.round(kernels, values, columns, fit, 'values');
  const differences = compare(kernels, x, values);
  if (options.codes || x.length <= ORACLE_VALUES) {
    const { codes, packed, facts } = code(format, x, columns, fit);
    const bitsPerValue = packed.bits / x.length;
    return { report: { ...report, bitsPerValue, ...differences, facts }, values, fit, codes, packed };
  }
  const sample = firstRows(x, columns);
  // One scale for the whole tensor is that of any part of it.
  const ofTensor = format.granularity === 'tensor';
  const sampleFit = ofTensor ? fit : format.fit(kernels, sample.x, sample.columns);
  const { packed, facts } = code(format, sample.x, sample.columns, sampleFit);
  const sampledValues = sample.x.length;
  const bitsPerValue = packed.bits / sampledValues;
  return { report: { ...report, bitsPerValue, ...differences, sampledValues, facts }, values, fit };
}

/** Numbers of one row, each with its code, element and value. */
export interface QuantizedNumbers {
  report: QuantizeReport;
  scales: Float32Array;
  numbers: { x: number; code: number; element: number; value: number }[];
}

/** @throws InputError for NaN and infinity */
export function quantizeNumbers(
  kernels: Kernels,
  x: Float32Array,
  format: TensorFormat,
  place?: Place,
): QuantizedNumbers {
  const mark = kernels.mark();
  try {
    const options = { codes: true, ...(place && { place }) };
    const { report, values, fit, codes } = quantize(kernels, kernels.load(x), [x.length], format, options);
    const elements = format.decode(codes!, x.length, fit);
    const numbers = Array.from(x, (x, i) => ({
      x,
      code: codes![i]!,
      element: elements[i]!,
      value: values[i]!,
    }));
    return { report, scales: fit.scales, numbers };
  } finally {
    kernels.release(mark);
  }
}

/** The oracle's codes, the bits in memory, and what the format says of them. */
function code(format: TensorFormat, x: Float32Array, columns: number, fit: Fit) {
  const codes = format.encode(x, columns, fit);
  const packed = format.pack(codes, columns, fit);
  return { codes, packed, facts: format.describe?.(codes, columns, fit, x) ?? {} };
}

/** Whole rows while they are short enough, else the beginning of the first one. */
function firstRows(x: Float32Array, columns: number): { x: Float32Array; columns: number } {
  const rows = Math.floor(SAMPLE / columns);
  return rows > 0
    ? { x: x.subarray(0, rows * columns), columns }
    : { x: x.subarray(0, SAMPLE), columns: SAMPLE };
}

/** By blocks, so that the differences take little of the kernel memory. */
function compare(kernels: Kernels, x: Float32Array, values: Float32Array) {
  const mark = kernels.mark();
  const block = kernels.floats(Math.min(BLOCK, x.length));
  const zeros = kernels.floats(block.length).fill(0);
  const sum = new Float64Array(1);
  let [signal, noise, maxError] = [0, 0, 0];
  for (let start = 0; start < x.length; start += BLOCK) {
    const part = x.subarray(start, start + BLOCK);
    const layout = { columns: part.length, group: part.length };
    const difference = block.subarray(0, part.length);
    kernels.formats.groupSquaredError(sum, part, zeros.subarray(0, part.length), layout);
    signal += sum[0]!;
    difference.set(values.subarray(start, start + BLOCK));
    kernels.formats.scaleGroups(difference, new Float32Array([-1]), layout);
    kernels.add(difference, part);
    kernels.formats.groupSquaredError(sum, difference, zeros.subarray(0, part.length), layout);
    noise += sum[0]!;
    maxError = Math.max(maxError, kernels.absMax(difference));
  }
  kernels.release(mark);
  return { ...errorOf(signal, noise, x.length), maxError };
}

/** Nothing lost is an infinite ratio, also where there was nothing to lose. */
function errorOf(signal: number, noise: number, count: number): { mse: number; snrDb: number } {
  return {
    mse: count === 0 ? 0 : noise / count,
    snrDb: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise),
  };
}

function checkFinite(kernels: Kernels, x: Float32Array, place: Place = {}): void {
  const first = kernels.findNonFinite(x);
  if (first < 0) return;
  let count = 0;
  for (const value of x) if (!Number.isFinite(value)) count++;
  const more = count === 1 ? '1 that is not' : `${count} that are not, the first`;
  throw new InputError(`expected finite numbers, found ${more}: element ${first} is ${x[first]}`, {
    place,
    note: 'replace NaN and infinity first, for example with np.nan_to_num(x)',
  });
}
