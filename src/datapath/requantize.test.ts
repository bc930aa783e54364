import { describe, expect, it } from 'vitest';
import { createGemm, createKernels } from '../kernels/index.ts';
import { roundHalfEven } from '../kernels/oracle.ts';
import { SITE_NAMES, type SiteName } from '../model/index.ts';
import type { Calibration } from './calibration.ts';
import { createDatapath } from './machine-datapath.ts';
import type { DatapathPlan, IntegerArithmetic } from './plan.ts';

/** An odd width, and more values than a vector holds. */
const [ROWS, INPUTS, OUTPUTS] = [6, 20, 23];
/** This row is 0: its scale is the floor's. */
const EMPTY = 4;

const wave = (length: number, phase: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + phase) * (1 + (i % 7)));
const X = wave(ROWS * INPUTS, 0).fill(0, EMPTY * INPUTS, (EMPTY + 1) * INPUTS);
const W = wave(OUTPUTS * INPUTS, 1);

type Activations = IntegerArithmetic['activations'];

function planOf(activations: Activations, requantized: readonly SiteName[]): DatapathPlan {
  const sites = Object.fromEntries(
    SITE_NAMES.map((name) => [
      name,
      {
        kind: 'integer',
        weights: { format: 'int8', granularity: 'channel' },
        activations,
        requantize: requantized.includes(name),
      },
    ]),
  );
  return { sites: sites as DatapathPlan['sites'] };
}

/** Outputs of sites q and k, which have the same weight. */
async function project(plan: DatapathPlan, calibration?: Calibration): Promise<[Float32Array, Float32Array]> {
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
  const datapath = createDatapath(kernels, gemm, plan, calibration);
  const weight = { data: W, outputs: OUTPUTS, inputs: INPUTS };
  const sites = (['q', 'k'] as const).map((name) => ({ name, layer: 0 }));
  const prepared = await datapath.prepare(sites.map((site) => ({ site, weight })));
  const projections = sites.map((site, i) => ({
    site,
    weight: prepared[i]!,
    output: { data: kernels.floats(ROWS * OUTPUTS), rows: ROWS, columns: OUTPUTS },
  }));
  await datapath.project({ data: kernels.load(X), rows: ROWS, columns: INPUTS }, projections);
  return projections.map(({ output }) => Float32Array.from(output.data)) as [Float32Array, Float32Array];
}

function absMax(x: Float32Array): number {
  return x.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

/** What x carries as int8 codes, rounded to float32 after each step. */
function carried(x: Float32Array, max: number): number[] {
  const scale = Math.fround(Math.fround(Math.max(max, 1e-5)) / 127);
  return Array.from(x, (value) => {
    const code = Math.max(-127, Math.min(127, roundHalfEven(Math.fround(value / scale))));
    // A code has no -0.
    return Math.fround((code || 0) * scale);
  });
}

function calibration(output: number): Calibration {
  const statistics = { input: new Float32Array(INPUTS).fill(absMax(X)), output };
  return { '0.q': statistics, '0.k': statistics };
}

describe('a re-quantised output is the plain one as int8 carries it, bit for bit', () => {
  it('a scale a token', async () => {
    const activations = { format: 'int8', granularity: 'token', scale: 'dynamic' } as const;
    const [plain] = await project(planOf(activations, []));
    const [found] = await project(planOf(activations, ['q']));
    const rows = Array.from({ length: ROWS }, (_, r) => plain.subarray(r * OUTPUTS, (r + 1) * OUTPUTS));
    expect(absMax(rows[EMPTY]!)).toBe(0);
    expect([...found]).toEqual(rows.flatMap((row) => carried(row, absMax(row))));
  });

  it('a scale a tensor', async () => {
    const activations = { format: 'int8', granularity: 'tensor', scale: 'dynamic' } as const;
    const [plain] = await project(planOf(activations, []));
    const [found] = await project(planOf(activations, ['q']));
    expect([...found]).toEqual(carried(plain, absMax(plain)));
  });

  it.each([0.5, 1, 1.7])('a static scale, calibrated on %f of the largest output', async (share) => {
    const activations = { format: 'int8', granularity: 'tensor', scale: 'static' } as const;
    const [plain] = await project(planOf(activations, []), calibration(1));
    const max = share * absMax(plain);
    const [found] = await project(planOf(activations, ['q']), calibration(max));
    expect([...found]).toEqual(carried(plain, max));
    // A maximum that is too small saturates.
    if (share < 1) {
      expect(absMax(found)).toBeCloseTo(max, 3);
      expect(found.filter((value) => Math.abs(value) === absMax(found)).length).toBeGreaterThan(5);
    }
  });
});

it('re-quantises the sites that the plan says, and their neighbours not', async () => {
  const activations = { format: 'int8', granularity: 'token', scale: 'dynamic' } as const;
  const [, plain] = await project(planOf(activations, []));
  const [q, k] = await project(planOf(activations, ['q']));
  expect(k).toEqual(plain);
  expect(q).not.toEqual(plain);
});
