import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { sharedData } from '../../../test/golden.ts';
import { openSafetensors } from '../../checkpoint/safetensors.ts';
import { createKernels, type Kernels } from '../../kernels/index.ts';
import { createFormat } from '../index.ts';
import { oliveCoding, VARIANTS } from './coding.ts';
import { candidateScale, firstSmallest, MSE_FACTORS, searchScales } from './search.ts';
import { rowErrorOracle, searchOracle, threeSigmaOracle } from './search-oracle.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const matrices = fc
  .record({
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 23 }),
    exponent: fc.integer({ min: -20, max: 20 }),
    seed: fc.array(
      fc.oneof(
        { weight: 8, arbitrary: fc.double({ min: -1, max: 1, noNaN: true }) },
        { weight: 1, arbitrary: fc.double({ min: -30, max: 30, noNaN: true }) },
        { weight: 1, arbitrary: fc.constantFrom(0, 1, -1, 0.5) },
      ),
      { minLength: 1, maxLength: 60 },
    ),
  })
  .map(({ rows, columns, exponent, seed }) =>
    Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) =>
        Math.fround(seed[(r * columns + c) % seed.length]! * 2 ** exponent),
      ),
    ),
  );

describe.each(['int4', 'flint4', 'int8'] as const)('%s', (type) => {
  it.each(VARIANTS)('%s: bases, errors of all candidates and choices are the oracle’s', (variant) => {
    const coding = oliveCoding(type, variant);
    fc.assert(
      fc.property(matrices, (rows) => {
        const mark = kernels.mark();
        const columns = rows[0]!.length;
        const x = kernels.load(Float32Array.from(rows.flat()));
        const bases = kernels.floats(rows.length);
        kernels.formats.groupThreeSigma(bases, x, { columns, group: columns });
        expect([...bases]).toEqual(rows.map(threeSigmaOracle));

        const scales = [...bases].flatMap((base) =>
          Array.from(MSE_FACTORS, (factor) => candidateScale(base, factor, coding.largest)),
        );
        const errors = new Float64Array(scales.length);
        kernels.formats.pairs.pairErrors(errors, x, Float32Array.from(scales), rows.length, columns, coding);
        const row = (i: number) => rows[Math.floor(i / MSE_FACTORS.length)]!;
        expect([...errors]).toEqual(scales.map((scale, i) => rowErrorOracle(coding, row(i), scale)));

        const perRow = rows.map((values) => searchOracle(coding, [values]));
        expect(searchScales(kernels, x, columns, rows.length, coding, MSE_FACTORS)).toEqual({
          scales: Float32Array.from(perRow, ({ scale }) => scale),
          error: perRow.reduce((sum, { error }) => sum + error, 0),
        });
        const { scale, error } = searchOracle(coding, rows);
        expect(searchScales(kernels, x, columns, 1, coding, MSE_FACTORS)).toEqual({
          scales: Float32Array.of(scale),
          error,
        });
        kernels.release(mark);
      }),
      { numRuns: type === 'int8' ? 6 : 15 },
    );
  });
});

describe('search', () => {
  it('has the candidates 75, 77 .. 249 percent', () => {
    expect([MSE_FACTORS.length, ...MSE_FACTORS.subarray(0, 2), MSE_FACTORS.at(-1)]).toEqual(
      [88, 0.75, 0.77, 2.49].map((value, i) => (i === 0 ? value : Math.fround(value))),
    );
  });

  it('takes the first of equal errors, nothing that is not finite', () => {
    expect(firstSmallest(Float64Array.of(3, 1, 2, 1))).toBe(1);
    expect(firstSmallest(Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY))).toBeUndefined();
    expect(firstSmallest(Float64Array.of(Number.NaN, 5))).toBe(1);
  });

  it('covers more rows than one call takes', () => {
    const rows = 2100;
    const values = Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i * i) * (1 + (i % 97)));
    const mark = kernels.mark();
    const x = kernels.load(values);
    const { scales } = createFormat('olive-int4').fit(kernels, x, 4);
    for (const r of [0, 1023, 1024, 2047, 2048, 2099])
      expect(scales[r]).toBe(
        searchOracle(oliveCoding('int4', 'paper'), [[...values.subarray(4 * r, 4 * r + 4)]]).scale,
      );
    kernels.release(mark);
  });

  it('refuses scales that fit neither the rows nor the whole', () => {
    const x = kernels.floats(12);
    const coding = oliveCoding('int4', 'paper');
    const { pairs } = kernels.formats;
    expect(() => pairs.roundPairs(x, new Float32Array(2), 4, coding, 'values')).toThrow(
      '2 values, expected 1',
    );
    expect(() => pairs.roundPairs(x, new Float32Array(1), 5, coding, 'values')).toThrow('no whole rows of 5');
    expect(() => pairs.pairErrors(new Float64Array(4), x, new Float32Array(4), 3, 4, coding)).toThrow(
      'no whole number for each of 3 groups',
    );
    expect(() => pairs.pairErrors(new Float64Array(5), x, new Float32Array(6), 3, 4, coding)).toThrow(
      '5 values, expected 6',
    );
    expect(() => pairs.roundPairs(new Float32Array(4), new Float32Array(1), 4, coding, 'values')).toThrow(
      'outside the memory',
    );
  });

  it('at 3 sigma takes the base itself', () => {
    const row = [1, 2, 3, 4, -5, 6, 7, 80].map(Math.fround);
    const { scales } = createFormat('olive-int4', { search: 'three-sigma' }).fit(
      kernels,
      kernels.load(Float32Array.from(row)),
      8,
    );
    expect(scales[0]).toBe(Math.fround(threeSigmaOracle(row) / 7));
  });

  it('zeros, a single value, the largest float32', () => {
    const scalesOf = (values: number[]) =>
      createFormat('olive-int4').fit(kernels, kernels.load(Float32Array.from(values)), values.length).scales;
    expect([...scalesOf([0, 0, -0])]).toEqual([1]);
    expect([...scalesOf([])]).toEqual([]);
    // |x| / 7 times a candidate: one of them takes a single value nearly to itself.
    const [scale] = scalesOf([5]);
    expect(Math.abs(Math.min(Math.round(5 / scale!), 7) * scale! - 5)).toBeLessThan(0.1);
    const huge = scalesOf([3e38, -3e38, 3e38, -3e38])[0]!;
    expect(huge > 3e37 && Number.isFinite(huge)).toBe(true);
  });
});

describe('olive4', () => {
  /** Spread evenly, all values are normal and flint4 has the finer steps around 0; int4 has the larger ones finer. */
  it.each([
    ['flint4', (u: number) => u],
    ['int4', (u: number) => Math.sign(u) * Math.abs(u) ** 6 * 20],
  ] as const)('takes %s where its error is lower', (expected, shape) => {
    const x = kernels.load(
      Float32Array.from({ length: 512 }, (_, i) => shape(((i * 193) % 512) / 256 - 1 + 1 / 512)),
    );
    const format = createFormat('olive4');
    const fit = format.fit(kernels, x, 128);
    const errors = (['int4', 'flint4'] as const).map(
      (type) => searchScales(kernels, x, 128, 4, oliveCoding(type, 'paper'), MSE_FACTORS).error,
    );
    expect(errors[1]! < errors[0]! ? 'flint4' : 'int4').toBe(expected);
    expect([...fit.scales]).toEqual([...createFormat(`olive-${expected}`).fit(kernels, x, 128).scales]);
    expect(format.describe!(format.encode(x, 128, fit), 128, fit, x)).toMatchObject({ type: expected });
  });

  it('with a fixed scale compares at that scale', () => {
    const x = kernels.load(Float32Array.of(11, 9, -15, 14));
    const fit = createFormat('olive4', { scale: 1 }).fit(kernels, x, 4);
    expect(fit).toEqual({ scales: Float32Array.of(1), type: 'flint4' });
  });
});

/** Stored [inputs, outputs]; rows are taken as they are stored. */
const path = sharedData('tensors/gpt2-117m-attention-projections.safetensors');
describe.skipIf(!path)('the twelve projections of GPT-2', () => {
  it('OliVe-4 does not lose to int4 a row', { timeout: 60_000 }, async () => {
    const file = await openSafetensors(path!);
    const names = [...file.tensors.keys()].filter((name) => name.endsWith('attn.c_proj.weight'));
    expect(names).toHaveLength(12);
    for (const name of names) {
      const { begin, bytes, shape } = file.tensors.get(name)!;
      const buffer = new Uint8Array(bytes);
      await file.readInto(buffer, begin);
      const x = new Float32Array(buffer.buffer);
      const columns = shape[1]!;
      const plain = quality('int4', x, columns);
      const olive = quality('olive4', x, columns);
      console.log(
        `${name}, dB: int4 ${plain.decibels.toFixed(2)}, olive4 ${olive.decibels.toFixed(2)} (${olive.type})`,
      );
      expect(olive.decibels).toBeGreaterThanOrEqual(plain.decibels);
    }
    await file.close();
  });
});

function quality(name: string, x: Float32Array, columns: number) {
  const mark = kernels.mark();
  const format = createFormat(name, {}, 'channel');
  const [source, values] = [kernels.load(x), kernels.load(x)];
  const fit = format.fit(kernels, source, columns);
  format.round(kernels, values, columns, fit, 'values');
  let [signal, noise] = [0, 0];
  for (const [i, value] of x.entries()) {
    signal += value * value;
    noise += (value - values[i]!) ** 2;
  }
  kernels.release(mark);
  return { type: 'type' in fit ? fit.type : name, decibels: 10 * Math.log10(signal / noise) };
}
