import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunError } from '../errors.ts';
import { createFormat, type TensorFormat } from '../formats/index.ts';
import { groupOf } from '../formats/tensor-format.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import type { Attention } from '../model/index.ts';
import { createDatapath } from './machine-datapath.ts';
import { type DatapathPlan, REFERENCE_PLAN, type ScaledArithmetic } from './plan.ts';
import { groupSize } from './product.ts';

/*
 * Attention products in formats with scales against a definition: operands by the formats' oracles, values along the
 * tokens where the format has groups; a scale a token of the values in the probabilities before these are encoded.
 */

const kernels = await createKernels();
const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
const { fround } = Math;

type Format = [name: string, granularity?: string, settings?: Record<string, number | string>];

function planOf([name, granularity, settings = {}]: Format): DatapathPlan {
  const encoding = {
    format: name,
    granularity,
    settings: createFormat(name, settings, granularity).settings,
  };
  const arithmetic: ScaledArithmetic = {
    kind: 'scaled',
    weights: { ...encoding, algorithm: 'rtn' },
    activations: { ...encoding, scale: 'dynamic' },
    requantize: false,
    hadamard: false,
  };
  return { sites: { ...REFERENCE_PLAN.sites, qk: arithmetic, sv: arithmetic } };
}

interface Shape {
  groups: number;
  heads: number;
  rows: number;
  n: number;
  d: number;
}

const wave = (length: number, phase: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + phase) * ((i * 7) % 19 === 0 ? 9 : 1));

const operandsOf = ({ groups, heads, rows, n, d }: Shape, seed: number) => ({
  queries: wave(groups * heads * rows * d, seed),
  keys: wave(groups * n * d, seed + 1),
  values: wave(groups * n * d, seed + 2),
});

const causal = (scores: Float32Array, columns: number, first: number, rows: number, d: number) =>
  kernels.softmax(scores, columns, { scale: 1 / Math.sqrt(d), first, period: rows });

/** Context [groups, heads · rows, d], and the probabilities on the way. */
async function attend(
  plan: DatapathPlan,
  shape: Shape,
  operands: ReturnType<typeof operandsOf>,
  skip = false,
) {
  const { groups, heads, rows, n, d } = shape;
  const mark = kernels.mark();
  const context = kernels.floats(groups * heads * rows * d);
  const scores: Float32Array[] = [];
  const attention: Attention = {
    qk: { name: 'qk', layer: 3 },
    sv: { name: 'sv', layer: 3 },
    queries: kernels.load(operands.queries),
    keys: kernels.load(operands.keys),
    values: kernels.load(operands.values),
    groups,
    m: heads * rows,
    n,
    d,
    rows,
    causal: skip,
    softmax(block, { first, rows: own, keys }) {
      scores.push(block.slice());
      causal(block, keys, n - rows + (first % rows), Math.min(rows, own), d);
    },
    context,
  };
  try {
    await createDatapath(kernels, gemm, plan).attend(attention);
    return { context: Float32Array.from(context), scores };
  } finally {
    kernels.release(mark);
  }
}

function encoded(format: TensorFormat, x: Float32Array, columns: number) {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  kernels.release(mark);
  const elements = format.decode(format.encode(x, columns, fit), columns, fit);
  const scale = (i: number) =>
    fit.scales.length === 0 ? 1 : fit.scales[groupOf(format.granularity, i, columns)]!;
  return { elements, scale };
}

type Encoded = ReturnType<typeof encoded>;

/** left [m, k] · right [n, k] of rows that start at `from`: the value, and what an order of summation can change. */
function product(
  format: TensorFormat,
  [left, l]: [Encoded, number],
  [right, r]: [Encoded, number],
  k: number,
) {
  const group = groupSize(format);
  // Within groups floats are one chain of float32 additions, integers exact.
  const step = group !== undefined && format.largestInteger === undefined ? fround : (x: number) => x;
  let [acc, sum, magnitude] = [0, 0, 0];
  for (let i = 0; i < k; i++) {
    const each = left.elements[l + i]! * right.elements[r + i]!;
    const [sl, sr] = [left.scale(l + i), right.scale(r + i)];
    sum = step(sum + each);
    magnitude += Math.abs(each * sl * sr);
    if (group === undefined ? i + 1 < k : (i + 1) % group !== 0 && i + 1 < k) continue;
    acc = group === undefined ? sum * sl * sr : fround(acc + fround(fround(sum) * fround(sl * sr)));
    sum = 0;
  }
  return { value: acc, bound: (k + 4) * 2 ** -24 * magnitude };
}

const FORMATS: Format[] = [
  ['int8', 'token'],
  ['int4', 'tensor'],
  ['int8', 'group:8'],
  ['int6', 'token', { range: 'asymmetric' }],
  ['olive-int4', 'tensor'],
  ['olive-int8', 'token'],
  ['ant', 'tensor'],
  ['anda', 'group:16', { mantissa: 8 }],
  ['mxfp8'],
  ['mxfp4', 'group:5'],
  ['nvfp4'],
  ['float8-e4m3', 'token'],
  ['adaptivfloat'],
];

const shapes = fc.record({
  groups: fc.integer({ min: 1, max: 3 }),
  heads: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 5 }),
  n: fc.integer({ min: 5, max: 40 }),
  d: fc.constantFrom(2, 8, 16, 33),
});

describe.each(FORMATS)('%s %s', (...given) => {
  const chosen = given as unknown as Format;
  const plan = planOf(chosen);
  const format = createFormat(chosen[0], chosen[2] ?? {}, chosen[1]);
  const exact = groupSize(format) !== undefined;

  it('computes what is said', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer({ min: 0, max: 1000 }), async (shape, seed) => {
        const { groups, heads, rows, n, d } = shape;
        const m = heads * rows;
        const operands = operandsOf(shape, seed);
        const { context, scores } = await attend(plan, shape, operands);
        const [q, k] = [encoded(format, operands.queries, d), encoded(format, operands.keys, d)];
        const near = (found: number, { value, bound }: ReturnType<typeof product>) => {
          if (exact) expect(found).toBe(value);
          else expect(Math.abs(found - value)).toBeLessThanOrEqual(bound);
        };
        for (let g = 0; g < groups; g++) {
          for (let r = 0; r < m; r++)
            for (let c = 0; c < n; c++)
              near(scores[g]![r * n + c]!, product(format, [q, (g * m + r) * d], [k, (g * n + c) * d], d));

          // From the scores that were found: their last bits are none of the second product's.
          const mark = kernels.mark();
          const probabilities = kernels.load(scores[g]!);
          causal(probabilities, n, n - rows, rows, d);
          let left = Float32Array.from(probabilities);
          kernels.release(mark);
          const values = operands.values.subarray(g * n * d, (g + 1) * n * d);
          const whole = encoded(format, operands.values, d);
          const turned = new Float32Array(d * n);
          let right: Encoded;
          if (exact) {
            for (let t = 0; t < n; t++) for (let i = 0; i < d; i++) turned[i * n + t] = values[t * d + i]!;
            right = encoded(format, turned, n);
          } else {
            const perToken = format.granularity === 'row';
            const own = Array.from({ length: n }, (_, t) => whole.scale((g * n + t) * d));
            const power = perToken ? 2 ** Math.ceil(Math.log2(Math.max(...own))) : own[0]!;
            if (perToken) left = left.map((p, i) => fround(p * fround(own[i % n]! / power)));
            for (let t = 0; t < n; t++)
              for (let i = 0; i < d; i++) turned[i * n + t] = whole.elements[(g * n + t) * d + i]!;
            right = { elements: turned, scale: () => power };
          }
          const p = encoded(format, left, n);
          for (let r = 0; r < m; r++)
            for (let i = 0; i < d; i++)
              near(context[(g * m + r) * d + i]!, product(format, [p, r * n], [right, i * n], n));
        }
      }),
      { numRuns: 8 },
    );
  });
});

describe('leaving out what a causal attention cannot see changes no bit', () => {
  it.each<Format>([
    ['int8', 'token', { clip: 'mse' }],
    ['float8-e4m3', 'token'],
    // Their statistics are those of all tokens: nothing is left out.
    ['olive-int4', 'token'],
    ['olaccel', 'token'],
    ['int6', 'tensor'],
    ['int8', 'group:16'],
    ['mxfp8'],
  ])('%s', async (...given) => {
    const shape = { groups: 2, heads: 2, rows: 150, n: 157, d: 8 };
    const operands = operandsOf(shape, 1);
    const plan = planOf(given as unknown as Format);
    const { context } = await attend(plan, shape, operands, true);
    expect(context).toEqual((await attend(plan, shape, operands)).context);
  });
});

it.each<[keyof ReturnType<typeof operandsOf>, string]>([
  ['queries', '3.qk: expected finite activations, found NaN (token 1, channel 2)'],
  ['keys', '3.qk: expected finite activations, found NaN (token 1, channel 2)'],
  ['values', '3.sv: expected finite activations, found NaN (token 1, channel 2)'],
])('NaN among the %s is found', async (name, message) => {
  const shape = { groups: 1, heads: 1, rows: 3, n: 5, d: 8 };
  const operands = operandsOf(shape, 1);
  operands[name][10] = Number.NaN;
  const failing = attend(planOf(['int4', 'token']), shape, operands);
  await expect(failing).rejects.toThrow(RunError);
  await expect(failing).rejects.toThrow(message);
});
