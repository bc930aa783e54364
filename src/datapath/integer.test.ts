import { describe, expect, it } from 'vitest';
import { readGolden } from '../../test/golden.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { SITE_NAMES, type SiteName } from '../model/index.ts';
import type { Calibration } from './calibration.ts';
import { createDatapath } from './machine-datapath.ts';
import type { DatapathPlan, IntegerArithmetic } from './plan.ts';

const SITE = { name: 'q', layer: 0 } as const;

function planOf(arithmetic: Partial<IntegerArithmetic>): DatapathPlan {
  const full: IntegerArithmetic = {
    kind: 'integer',
    weights: { format: 'int8', granularity: 'channel' },
    activations: { format: 'int8', granularity: 'token', scale: 'dynamic' },
    requantize: false,
    ...arithmetic,
  };
  return {
    sites: Object.fromEntries(SITE_NAMES.map((name) => [name, full])) as Record<SiteName, IntegerArithmetic>,
  };
}

async function project(
  golden: Awaited<ReturnType<typeof readGolden>>,
  plan: DatapathPlan,
  calibration?: Calibration,
) {
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
  const datapath = createDatapath(kernels, gemm, plan, calibration);
  const { x, w, bias } = golden;
  const [rows, inputs] = x!.shape as [number, number];
  const outputs = w!.shape[0]!;
  const [weight] = await datapath.prepare([{ site: SITE, weight: { data: w!.data, outputs, inputs } }]);
  const output = { data: kernels.floats(rows * outputs), rows, columns: outputs };
  const input = { data: kernels.load(x!.data), rows, columns: inputs };
  await datapath.project(input, [{ site: SITE, weight: weight!, bias: bias!.data, output }]);
  return output.data;
}

const GRANULARITIES = [
  ['tensor', 'tensor'],
  ['tensor', 'channel'],
  ['token', 'tensor'],
  ['token', 'channel'],
] as const;

describe('int8 products agree with torch bit for bit', () => {
  it.each(GRANULARITIES)('activations a %s, weights a %s', async (activations, weights) => {
    const golden = await readGolden('int8/plain.safetensors');
    const found = await project(
      golden,
      planOf({
        activations: { format: 'int8', granularity: activations, scale: 'dynamic' },
        weights: { format: 'int8', granularity: weights },
      }),
    );
    expect(Float32Array.from(found)).toEqual(golden[`y.${activations}.${weights}`]!.data);
  });

  it('a static scale that was calibrated on the same data is the dynamic one', async () => {
    const golden = await readGolden('int8/plain.safetensors');
    const inputs = golden.x!.shape[1]!;
    const calibration = { '0.q': { input: columnMax(golden.x!.data, inputs), output: 1 } };
    const plan = planOf({
      activations: { format: 'int8', granularity: 'tensor', scale: 'static' },
      weights: { format: 'int8', granularity: 'tensor' },
    });
    const found = await project(golden, plan, calibration);
    expect(Float32Array.from(found)).toEqual(golden['y.tensor.tensor']!.data);
    await expect(project(golden, plan)).rejects.toThrow(
      '0.q needs statistics of calibration data, and there are none',
    );
  });

  it.each(GRANULARITIES)('smoothed: activations a %s, weights a %s', async (activations, weights) => {
    const plain = await readGolden('int8/plain.safetensors');
    const smoothed = await readGolden('int8/smoothed.safetensors');
    const calibration = { '0.q': { input: columnMax(plain.x!.data, plain.x!.shape[1]!), output: 1 } };
    const plan = planOf({
      activations: { format: 'int8', granularity: activations, scale: 'dynamic' },
      weights: { format: 'int8', granularity: weights },
      smoothing: 0.5,
    });
    const found = await project(plain, plan, calibration);
    const expected = smoothed[`y.${activations}.${weights}`]!.data;
    // The datapath multiplies by 1/s where torch divides by s: a value on a tie may take the next code.
    const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const differing = expected.filter((value, i) => Math.abs(value - found[i]!) > 1e-6 * largest);
    expect(differing.length).toBeLessThan(expected.length / 100);
    for (const [i, value] of expected.entries())
      expect(Math.abs(value - found[i]!)).toBeLessThan(2e-3 * largest);
  });
});

it('a wide product is its narrow parts side by side', async () => {
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
  const datapath = createDatapath(kernels, gemm, planOf({}));
  const [rows, inputs, outputs, part] = [5, 40, 2500, 100];
  const values = (length: number, phase: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + phase));
  const [x, w, bias] = [values(rows * inputs, 0), values(outputs * inputs, 1), values(outputs, 2)];
  const product = async (from: number, count: number) => {
    const data = w.subarray(from * inputs, (from + count) * inputs);
    const [weight] = await datapath.prepare([{ site: SITE, weight: { data, outputs: count, inputs } }]);
    const output = { data: kernels.floats(rows * count), rows, columns: count };
    const input = { data: kernels.load(x), rows, columns: inputs };
    await datapath.project(input, [
      { site: SITE, weight: weight!, bias: bias.subarray(from, from + count), output },
    ]);
    return output.data;
  };
  const wide = await product(0, outputs);
  for (let from = 0; from < outputs; from += part) {
    const narrow = await product(from, part);
    for (let row = 0; row < rows; row++) {
      const at = row * outputs + from;
      expect(wide.slice(at, at + part)).toEqual(narrow.slice(row * part, (row + 1) * part));
    }
  }
});

function columnMax(data: Float32Array, columns: number): Float32Array {
  const max = new Float32Array(columns);
  for (const [i, value] of data.entries()) max[i % columns] = Math.max(max[i % columns]!, Math.abs(value));
  return max;
}
