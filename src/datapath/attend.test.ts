import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGemm, createKernels } from '../kernels/index.ts';
import { SITE_NAMES, type SiteName } from '../model/index.ts';
import { createDatapath } from './machine-datapath.ts';
import { type Arithmetic, type DatapathPlan, REFERENCE_PLAN } from './plan.ts';

const PLANS: Record<string, Arithmetic> = {
  float16: { kind: 'float', weights: 'float16', activations: 'float16' },
  bfloat16: { kind: 'float', weights: 'bfloat16', activations: 'bfloat16' },
  tf32: { kind: 'float', weights: 'tf32', activations: 'tf32' },
  'int8, a scale a token': {
    kind: 'integer',
    weights: { format: 'int8', granularity: 'channel' },
    activations: { format: 'int8', granularity: 'token', scale: 'dynamic' },
    requantize: false,
  },
  'int8, a scale a tensor': {
    kind: 'integer',
    weights: { format: 'int8', granularity: 'tensor' },
    activations: { format: 'int8', granularity: 'tensor', scale: 'dynamic' },
    requantize: false,
  },
};

/** Largest error that the operands' rounding explains, relative to the largest value. */
const BOUNDS: Record<string, number> = {
  float16: 2e-3,
  bfloat16: 2e-2,
  tf32: 2e-3,
  'int8, a scale a token': 4e-2,
  'int8, a scale a tensor': 6e-2,
};

function planOf(arithmetic: Arithmetic): DatapathPlan {
  return {
    sites: Object.fromEntries(SITE_NAMES.map((name) => [name, arithmetic])) as Record<SiteName, Arithmetic>,
  };
}

async function attention(
  plan: DatapathPlan,
  shape: { groups: number; m: number; n: number; d: number },
  seed: number,
) {
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
  const datapath = createDatapath(kernels, gemm, plan);
  const { groups, m, n, d } = shape;
  const random = (length: number, phase: number) =>
    kernels.load(Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + seed + phase) * 1.5));
  const context = kernels.floats(groups * m * d);
  await datapath.attend({
    qk: { name: 'qk', layer: 0 },
    sv: { name: 'sv', layer: 0 },
    queries: random(groups * m * d, 0),
    keys: random(groups * n * d, 1),
    values: random(groups * n * d, 2),
    ...shape,
    rows: m,
    causal: false,
    softmax: (scores) => kernels.softmax(scores, n, { scale: 1 / Math.sqrt(d), first: n - 1, period: 1 }),
    context,
  });
  return Float32Array.from(context);
}

describe('attention products follow float32 within the rounding of their operands', () => {
  it.each(Object.keys(PLANS))('%s', async (name) => {
    const shapes = fc.record({
      groups: fc.integer({ min: 1, max: 3 }),
      m: fc.integer({ min: 1, max: 9 }),
      n: fc.integer({ min: 1, max: 17 }),
      d: fc.constantFrom(2, 8, 16, 33),
    });
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: 0, max: 1000 }), async (shape, seed) => {
        const expected = await attention(REFERENCE_PLAN, shape, seed);
        const found = await attention(planOf(PLANS[name]!), shape, seed);
        for (const [i, value] of expected.entries()) {
          expect(Math.abs(found[i]! - value)).toBeLessThan(1.5 * BOUNDS[name]!);
        }
      }),
      { numRuns: 15 },
    );
  });
});

/** A causal attention of two groups of two heads, 300 queries after 7 cached tokens. */
async function causal(plan: DatapathPlan, skip: boolean) {
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
  const [groups, heads, rows, n, d] = [2, 2, 300, 307, 24];
  const random = (length: number, phase: number) =>
    kernels.load(Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + phase)));
  const context = kernels.floats(groups * heads * rows * d);
  await createDatapath(kernels, gemm, plan).attend({
    qk: { name: 'qk', layer: 0 },
    sv: { name: 'sv', layer: 0 },
    queries: random(groups * heads * rows * d, 0),
    keys: random(groups * n * d, 1),
    values: random(groups * n * d, 2),
    groups,
    m: heads * rows,
    n,
    d,
    rows,
    causal: skip,
    softmax(scores, block) {
      const first = n - rows + (block.first % rows);
      const period = Math.min(rows, block.rows);
      kernels.softmax(scores, block.keys, { scale: 1 / Math.sqrt(d), first, period });
    },
    context,
  });
  return Float32Array.from(context);
}

describe('leaving out what a causal attention cannot see changes no bit', () => {
  it.each(['float32', ...Object.keys(PLANS)])('%s', async (name) => {
    const plan = name === 'float32' ? REFERENCE_PLAN : planOf(PLANS[name]!);
    expect(await causal(plan, true)).toEqual(await causal(plan, false));
  });
});
