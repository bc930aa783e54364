import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readGolden } from '../../test/golden.ts';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { createFormat } from './index.ts';
import type { TensorFormat } from './tensor-format.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const RULES = ['floor', 'ceil', 'even'] as const;

/** Golden file, name, element, largest element and its exponent, mantissa bits, exponent of the unit of elements. */
const FORMATS = [
  ['mxfp8-e4m3', 'mxfp8', 'e4m3', 448, 8, 3, 0],
  ['mxfp8-e5m2', 'mxfp8', 'e5m2', 57344, 15, 2, 0],
  ['mxfp6-e2m3', 'mxfp6', 'e2m3', 7.5, 2, 3, 0],
  ['mxfp6-e3m2', 'mxfp6', 'e3m2', 28, 4, 2, 0],
  ['mxfp4', 'mxfp4', undefined, 6, 2, 1, 0],
  ['mxint8', 'mxint8', undefined, 127 / 64, 0, 6, -6],
] as const;

const create = (name: string, element: string | undefined, rule: string) =>
  createFormat(name, { rule, ...(element && { element }) });

describe.each(FORMATS)('%s', (file, name, element, max, emax, mantissaBits, unit) => {
  it.each(RULES)('%s as microxcaling and torchao', async (rule) => {
    const golden = await readGolden(`microscaling/${file}.safetensors`);
    const { data, shape } = golden.input!;
    const format = create(name, element, rule);
    const { exponents, values } = quantise(format, data, shape[1]!);
    expect(exponents).toEqual([...golden[`${rule}.exponents`]!.data]);
    const expected = golden[`${rule}.values`]!.data;
    const wrong = [...data].filter((_, i) => !Object.is(values[i], expected[i]));
    expect(wrong).toEqual([]);
    expect(data.length).toBeGreaterThan(2000);
  });

  it.each(RULES)('%s chooses the power of two of its definition, for any maximum', (rule) => {
    const format = create(name, element, rule);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7f7fffff }), (word) => {
        const x = new Float32Array(Uint32Array.of(word).buffer);
        const { exponents } = quantise(format, x, 1);
        expect(exponents).toEqual([exponentOf(x[0]!, rule, { max, emax, mantissaBits })]);
      }),
      { numRuns: 1000 },
    );
  });

  it('has the code 0 for zeros and NaN for a block with a NaN or an infinity', () => {
    const format = create(name, element, 'floor');
    const x = new Float32Array(96);
    x[40] = Number.NaN;
    x[70] = Number.NEGATIVE_INFINITY;
    const mark = kernels.mark();
    const fit = format.fit(kernels, kernels.load(x), 96);
    kernels.release(mark);
    expect([...fit.scales]).toEqual([2 ** (-127 + unit), Number.NaN, Number.NaN]);
    const packed = format.pack(new Uint32Array(96), 96, fit);
    expect([...packed.sections.scales!]).toEqual([0, 255, 255]);
    expect([...format.unpack(packed, 1, 96).fit.scales]).toEqual([...fit.scales]);
  });

  it('packs a byte a block', () => {
    const format = create(name, element, 'floor');
    const codes = new Uint32Array(80);
    const packed = format.pack(codes, 40, { scales: new Float32Array(4).fill(1) });
    expect(packed.bits).toBe(80 * Number(/\d$/.exec(name)![0]) + 4 * 8);
  });
});

it('MXINT8 decodes all codes, writes all but the lowest, and is an integer', () => {
  const format = createFormat('mxint8');
  const codes = Uint32Array.from({ length: 256 }, (_, code) => code);
  const fit = { scales: new Float32Array(8).fill(1 / 64) };
  const elements = format.decode(codes, 256, fit);
  expect([...elements.subarray(126, 130)]).toEqual([126, 127, -128, -127]);
  const again = format.encode(
    elements.map((element) => element / 64),
    256,
    fit,
  );
  expect([...again]).toEqual(Array.from(codes, (code) => (code === 128 ? 129 : code)));
  expect(format.largestInteger).toBe(127);
});

it('blocks are of 32 values or as many as asked for, and nothing else', () => {
  expect(createFormat('mxfp4').granularity).toEqual({ group: 32 });
  expect(createFormat('mxfp4', {}, 'group:16').granularity).toEqual({ group: 16 });
  expect(() => createFormat('mxfp4', {}, 'channel')).toThrow('a granularity among group:N');
  expect(() => createFormat('mxfp4', { rule: 'round' })).toThrow('one of floor, ceil, even');
});

/** The definition of a rule in float64, where every step is exact. */
function exponentOf(
  largest: number,
  rule: (typeof RULES)[number],
  { max, emax, mantissaBits }: { max: number; emax: number; mantissaBits: number },
): number {
  const floorLog2 = (value: number) => {
    let exponent = -150;
    while (2 ** (exponent + 1) <= value) exponent++;
    return exponent;
  };
  let exponent: number;
  if (rule === 'ceil') {
    exponent = -150;
    while (max * 2 ** exponent < largest) exponent++;
  } else if (rule === 'even') {
    const step = 2 ** (floorLog2(largest) - mantissaBits);
    const below = Math.floor(largest / step);
    const rest = largest / step - below;
    const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
    exponent = floorLog2((below + (up ? 1 : 0)) * step) - emax;
  } else {
    exponent = floorLog2(largest) - emax;
  }
  return Math.min(Math.max(exponent, -127), 127);
}

function quantise(format: TensorFormat, x: Float32Array, columns: number) {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  const rounded = kernels.load(x);
  format.round(kernels, rounded, columns, fit, 'values');
  const values = Float32Array.from(rounded);
  kernels.release(mark);
  const packed = format.pack(format.encode(x, columns, fit), columns, fit);
  return { values, exponents: Array.from(packed.sections.scales!, (code) => code - 127) };
}
