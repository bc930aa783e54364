import { beforeAll, describe, expect, it } from 'vitest';
import { createGemm, createKernels, type Gemm, type Kernels } from '../kernels/index.ts';
import { sample, toRows } from '../kernels/oracle.ts';
import type { Attention, Datapath, Site, SiteName } from '../model/index.ts';
import { CalibrationDatapath } from './calibration.ts';
import { createDatapath } from './machine-datapath.ts';
import { REFERENCE_PLAN } from './plan.ts';
import { RowSample, type Wants } from './statistics.ts';

let kernels: Kernels;
let gemm: Gemm;
let inner: Datapath;
beforeAll(async () => {
  kernels = await createKernels();
  gemm = await createGemm(kernels, { backend: 'webassembly' });
  inner = createDatapath(kernels, gemm, REFERENCE_PLAN);
});

/** Inputs of some sequences through sites that share them. */
async function run(
  datapath: CalibrationDatapath,
  sites: readonly Site[],
  inputs: number,
  sequences: Float32Array[],
) {
  const weight = { data: sample(3 * inputs, 9), outputs: 3, inputs };
  const weights = await datapath.prepare(sites.map((site) => ({ site, weight })));
  for (const data of sequences) {
    const mark = kernels.mark();
    const rows = data.length / inputs;
    const projections = sites.map((site, i) => ({
      site,
      weight: weights[i]!,
      output: { data: kernels.floats(rows * 3), rows, columns: 3 },
    }));
    await datapath.project({ data: kernels.load(data), rows, columns: inputs }, projections);
    kernels.release(mark);
  }
}

const site = (name: SiteName, layer = 0): Site => ({ name, layer });

describe.each([1, 5, 70, 300])('inputs of %i channels', (inputs) => {
  // One of a single row, and one longer than the others.
  const sequences = [4, 1, 40].map((rows, i) => sample(rows * inputs, i + inputs));
  const rows = toRows(Float32Array.from(sequences.flatMap((data) => [...data])), inputs);

  it('mean magnitudes and second moments are those of all rows', async () => {
    const wants: Wants = { q: ['meanAbs', 'hessian'], k: ['hessian'] };
    const datapath = new CalibrationDatapath(inner, { gemm, wants });
    const mark = kernels.mark();
    await run(datapath, [site('q'), site('k'), site('v')], inputs, sequences);
    const { '0.q': q, '0.k': k, '0.v': v } = datapath.calibration;
    expect(kernels.mark()).toBe(mark);
    for (let c = 0; c < inputs; c++) {
      const mean = rows.reduce((sum, row) => sum + Math.abs(row[c]!), 0) / rows.length;
      expect(q!.meanAbs![c]).toBeCloseTo(mean, 6);
    }
    for (let i = 0; i < inputs; i++) {
      for (let j = i; j < inputs; j += 1 + (i % 7)) {
        const moment = (2 / rows.length) * rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
        expect(Math.abs(q!.hessian![i * inputs + j]! - moment)).toBeLessThan(2e-6);
        expect(q!.hessian![j * inputs + i]).toBe(q!.hessian![i * inputs + j]);
      }
    }
    // Once for the sites that share the input; nothing that was not asked for.
    expect(k!.hessian).toBe(q!.hessian);
    expect(k!.meanAbs).toBeUndefined();
    expect(Object.keys(v!).sort()).toEqual(['input', 'output']);
    // Maxima are always there.
    expect(q!.input).toEqual(v!.input);
    expect([...v!.input]).toEqual(
      Array.from({ length: inputs }, (_, c) => Math.max(...rows.map((row) => Math.abs(row[c]!)))),
    );
  });

  it('a sample is every second, fourth .. row until there are few enough', async () => {
    const datapath = new CalibrationDatapath(inner, { gemm, wants: { o: ['sample'] }, sampleRows: 12 });
    await run(datapath, [site('o')], inputs, sequences);
    const { sample: found } = datapath.calibration['0.o']!;
    const expected = rows.filter((_, r) => r % 4 === 0);
    expect(expected.length).toBeLessThanOrEqual(12);
    expect(found!.columns).toBe(inputs);
    expect([...found!.data]).toEqual(expected.flat());
  });
});

it('take gives the statistics of a layer, and forgets them', async () => {
  const wants: Wants = { o: ['hessian'] };
  const datapath = new CalibrationDatapath(inner, { gemm, wants });
  const data = [sample(40, 1), sample(60, 2)];
  await run(datapath, [site('o', 0)], 10, [data[0]!]);
  await run(datapath, [site('o', 1)], 10, [data[1]!]);
  await run(datapath, [{ name: 'lm_head' }], 10, [data[1]!]);
  const all = datapath.calibration;
  expect(Object.keys(all)).toEqual(['0.o', '1.o', 'lm_head']);
  expect(datapath.take(0)).toEqual({ '0.o': all['0.o'] });
  expect(datapath.take(0)).toEqual({});
  expect(datapath.take(undefined)).toEqual({ lm_head: all.lm_head });
  await run(datapath, [site('o', 1)], 10, [data[0]!]);
  const both = new CalibrationDatapath(inner, { gemm, wants });
  await run(both, [site('o', 1)], 10, [data[1]!, data[0]!]);
  expect(datapath.calibration).toEqual(both.calibration);
});

it('samples of attention operands', async () => {
  const datapath = new CalibrationDatapath(inner, { gemm, wants: { qk: ['sample'], sv: ['sample'] } });
  const [m, n, d] = [3, 3, 4];
  const [queries, keys, values] = [1, 2, 3].map((seed) => sample(m * d, seed));
  const seen: number[] = [];
  const mark = kernels.mark();
  const attention: Attention = {
    qk: site('qk'),
    sv: site('sv'),
    ...{ queries: kernels.load(queries!), keys: kernels.load(keys!), values: kernels.load(values!) },
    ...{ groups: 1, m, n, d, rows: m, causal: true, context: kernels.floats(m * d) },
    softmax(scores, block) {
      kernels.softmax(scores, block.keys, { scale: 1, first: 0, period: m });
      seen.push(...scores);
    },
  };
  await datapath.attend(attention);
  kernels.release(mark);
  const { '0.qk': qk, '0.sv': sv } = datapath.calibration;
  expect(qk!.samples).toEqual({ left: { data: queries, columns: d }, right: { data: keys, columns: d } });
  expect(sv!.samples!.right).toEqual({ data: values, columns: d });
  expect([...sv!.samples!.left.data]).toEqual(seen);
  expect(seen).toHaveLength(m * n);
});

it('rows of several lengths lie end to end', () => {
  const rows = new RowSample(3);
  rows.add(Float32Array.of(1, 2), 2);
  rows.add(Float32Array.of(3, 4, 5, 6, 7, 8), 3);
  expect(rows.result()).toEqual({ data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), columns: 8 });
  rows.add(Float32Array.of(9), 1);
  // Every second of four.
  expect(rows.result()).toEqual({ data: Float32Array.of(1, 2, 6, 7, 8), columns: 5 });
});
