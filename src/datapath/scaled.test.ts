import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createFormat, type Fit, FORMATS, type TensorFormat } from '../formats/index.ts';
import { groupOf } from '../formats/tensor-format.ts';
import { createGemm, createKernels, type Gemm, type Kernels } from '../kernels/index.ts';
import { SITE_NAMES, type SiteName } from '../model/index.ts';
import { createDatapath } from './machine-datapath.ts';
import type { Encoding, ScaledArithmetic } from './plan.ts';
import { formatOf, groupSize, type Product, productOf } from './product.ts';

/*
 * The engine against the definition: codes from the formats' oracles, their elements summed, scales applied where the
 * hardware does. Products of integers, and of groups, agree bit for bit, overflows included; where products are summed in
 * float32 over a whole row, the order of the sum is the kernel's, and the difference is bounded. So it is in groups where
 * float32 does not hold the product of two elements (NF4's have 24 bits).
 */

let kernels: Kernels;
let gemm: Gemm;
beforeAll(async () => {
  kernels = await createKernels();
  gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
});

const encoding = (
  format: string,
  granularity?: string,
  settings: Record<string, unknown> = {},
): Encoding => ({
  format,
  granularity,
  settings: createFormat(format, settings, granularity).settings,
});

type Pair = [product: Product, weights: Encoding, activations: Encoding];

const integers = (low: number, high: number) => Array.from({ length: high - low + 1 }, (_, i) => low + i);

/** What hardware sums in, weights, activations: every format in a role that it was made for. */
const PAIRS: Pair[] = [
  ['integer', encoding('int4', 'channel'), encoding('int4', 'token')],
  ['integer', encoding('int4', 'tensor'), encoding('int8', 'token')],
  ['integer', encoding('int7', 'channel', { range: 'asymmetric' }), encoding('int3', 'tensor')],
  ['integer', encoding('int4', 'channel', { clip: 'mse' }), encoding('int8', 'tensor', { scale: 0.01 })],
  ...integers(2, 8).map((b): Pair => ['integer', encoding(`int${b}`, 'channel'), encoding(`int${b}`)]),
  ...integers(9, 16).map((b): Pair => ['float', encoding(`int${b}`, 'channel'), encoding(`int${b}`)]),
  ...integers(8, 16).map((b): Pair => {
    const range = { range: 'asymmetric' };
    return ['float', encoding(`int${b}`, 'channel', range), encoding(`int${b}`, 'tensor', range)];
  }),
  ['integer', encoding('ant', 'channel'), encoding('ant', 'tensor')],
  ['integer', encoding('ant', 'channel', { bits: 8 }), encoding('int8', 'token')],
  ['integer', encoding('flint4', 'channel'), encoding('flint4', 'tensor', { clip: 'mse' })],
  ['integer', encoding('pot4', 'channel'), encoding('pot4', 'token')],
  ['group', encoding('ant', 'group:12'), encoding('ant', 'group:8')],

  ['integer', encoding('olive-int4', 'channel'), encoding('olive-int4', 'tensor')],
  ['outlier', encoding('olive4', 'channel'), encoding('olive4', 'tensor')],
  ['outlier', encoding('olive-flint4', 'channel'), encoding('olive-flint4', 'token')],
  ['outlier', encoding('olive-int8', 'channel'), encoding('olive-int8', 'tensor')],
  ...['paper-nearest', 'reference-code'].map((variant): Pair => {
    return [
      'outlier',
      encoding('olive-int8', 'tensor', { variant }),
      encoding('olive-int8', 'token', { variant }),
    ];
  }),
  ['outlier', encoding('int4', 'channel'), encoding('olive4', 'tensor')],
  ['outlier', encoding('olive-int8', 'channel'), encoding('int8', 'token')],
  ['outlier', encoding('olaccel', 'channel'), encoding('olaccel', 'tensor', { outliers: 0.1 })],
  ['float', encoding('olive4', 'channel'), encoding('float16')],
  ['group', encoding('olive4', 'channel'), encoding('int8', 'group:10')],

  ['group', encoding('int4', 'group:8'), encoding('int8', 'token')],
  ['group', encoding('int4', 'group:8'), encoding('float16')],
  ['group', encoding('int4', 'group:128', { range: 'asymmetric' }), encoding('float16')],
  ['group', encoding('int2', 'group:12'), encoding('int16', 'group:8')],
  ['group', encoding('int4', 'group:16', { range: 'asymmetric' }), encoding('int4', 'group:4')],
  ['group', encoding('int4', 'group:128'), encoding('anda', 'group:16', { mantissa: 6 })],
  ['group', encoding('int4', 'group:12'), encoding('anda', 'group:64', { mantissa: 16 })],
  ...integers(1, 16).map((mantissa): Pair => {
    return ['group', encoding('int4', 'group:128'), encoding('anda', undefined, { mantissa })];
  }),
  ['group', encoding('int4', 'group:32'), encoding('figna', 'group:16')],
  ['group', encoding('int4', 'group:128'), encoding('figna')],
  ['group', encoding('int16', 'group:32'), encoding('int16', 'group:64')],
  ['float', encoding('int4', 'channel'), encoding('figna', 'token')],
  ['group', encoding('vs-quant', 'group:8'), encoding('vs-quant', 'group:8')],
  ['group', encoding('vs-quant'), encoding('vs-quant', undefined, { bits: 8, coarse: 'tensor' })],
  ['group', encoding('msfp', 'group:8'), encoding('msfp', 'group:8')],
  ['group', encoding('msfp', undefined, { bits: 16 }), encoding('msfp', undefined, { bits: 14 })],
  ...['floor', 'ceil', 'even'].flatMap((rule): Pair[] =>
    ['mxfp4', 'mxfp6', 'mxfp8', 'mxint8'].map((name) => {
      return ['group', encoding(name, undefined, { rule }), encoding(name, undefined, { rule })];
    }),
  ),
  ['group', encoding('mxfp4', 'group:16'), encoding('mxfp8', undefined, { element: 'e5m2' })],
  ['group', encoding('mxfp6', undefined, { element: 'e3m2' }), encoding('mxint8')],
  ['group', encoding('nvfp4'), encoding('nvfp4')],
  ['group', encoding('nf4'), encoding('float16')],
  ['group', encoding('nf4', 'group:20'), encoding('float32')],
  ['float', encoding('nf4', 'channel'), encoding('bfloat16')],
  ['group', encoding('float4-e2m1', 'group:16'), encoding('float4-e2m1', 'group:16')],
  ['group', encoding('adaptivfloat', 'group:16'), encoding('float8-e5m2', 'group:24')],

  ['float', encoding('int4', 'channel'), encoding('bfloat16')],
  ['float', encoding('int4', 'tensor'), encoding('tf32')],
  ['float', encoding('gobo'), encoding('float32')],
  ['float', encoding('gobo', undefined, { bits: 4 }), encoding('float16')],
  ['float', encoding('adaptivfloat'), encoding('adaptivfloat')],
  ['float', encoding('float8-e4m3', 'channel'), encoding('float8-e4m3', 'token')],
  ['float', encoding('float8-e4m3', 'tensor'), encoding('float8-e5m2', 'tensor')],
  ['float', encoding('float6-e2m3'), encoding('float6-e3m2')],
  ['float', encoding('float16'), encoding('int8', 'token')],
];

it('the pairs name every format', () => {
  const named = PAIRS.flatMap(([, weights, activations]) => [weights.format, activations.format]);
  expect(Object.keys(FORMATS).filter((name) => !named.includes(name))).toEqual([]);
});

const arithmeticOf = (weights: Encoding, activations: Encoding): ScaledArithmetic => ({
  kind: 'scaled',
  weights: { ...weights, algorithm: 'rtn' },
  activations: { ...activations, scale: 'dynamic' },
  requantize: false,
  hadamard: false,
});

interface Case {
  rows: number;
  outputs: number;
  inputs: number;
  seed: number;
}

const wave = (length: number, seed: number) =>
  Float32Array.from(
    { length },
    (_, i) =>
      Math.sin((i + 1) * 12.9898 + seed) *
      ((i * 7) % 11 === 0 ? 7 : 1) *
      // A few far outliers, and groups of nothing.
      ((i + seed) % 61 === 0 ? 300 : (i >> 5) % 7 === seed % 7 ? 0 : 1),
  );

async function project(
  arithmetic: ScaledArithmetic,
  x: Float32Array,
  w: Float32Array,
  bias: Float32Array,
  shape: Case,
) {
  const mark = kernels.mark();
  const plan = {
    sites: Object.fromEntries(SITE_NAMES.map((name) => [name, arithmetic])) as Record<
      SiteName,
      ScaledArithmetic
    >,
  };
  const datapath = createDatapath(kernels, gemm, plan);
  const site = { name: 'fc1', layer: 0 } as const;
  const { rows, outputs, inputs } = shape;
  const [weight] = await datapath.prepare([{ site, weight: { data: w, outputs, inputs } }]);
  const output = { data: kernels.floats(rows * outputs), rows, columns: outputs };
  await datapath.project({ data: kernels.load(x), rows, columns: inputs }, [
    { site, weight: weight!, bias, output },
  ]);
  const found = Float32Array.from(output.data);
  kernels.release(mark);
  return { found, overflows: datapath.overflows };
}

/** Elements by the oracle, and the fit. */
function elementsOf(
  format: TensorFormat,
  x: Float32Array,
  columns: number,
): { elements: Float32Array; fit: Fit } {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  kernels.release(mark);
  return { elements: format.decode(format.encode(x, columns, fit), columns, fit), fit };
}

const scaleAt = (format: TensorFormat, { scales }: Fit, row: number, k: number, columns: number) =>
  scales.length === 0 ? 1 : scales[groupOf(format.granularity, row * columns + k, columns)]!;

/** An output by the definition, and a bound on what an order of summation can change. */
function expected(
  product: Product,
  [wf, af]: [TensorFormat, TensorFormat],
  w: ReturnType<typeof elementsOf>,
  x: ReturnType<typeof elementsOf>,
  [r, c, inputs, bias]: [number, number, number, number],
): { value: number; bound: number; exact: boolean; overflow: boolean } {
  const ends = (k: number) =>
    k + 1 === inputs ||
    (k + 1) % (groupSize(wf) ?? inputs) === 0 ||
    (k + 1) % (groupSize(af) ?? inputs) === 0;
  const { fround } = Math;
  // Sums of integers are exact in float64, those of floats one chain of float32 additions a group.
  const integers = wf.largestInteger !== undefined && af.largestInteger !== undefined;
  const step = integers || product === 'float' ? (value: number) => value : fround;
  let [acc, sum, magnitude, exact, overflow] = [0, 0, 0, product !== 'float', false];
  for (let k = 0; k < inputs; k++) {
    const each = x.elements[r * inputs + k]! * w.elements[c * inputs + k]!;
    // Where a product has more than float32's 24 bits, a fused addition rounds it otherwise than a separate one.
    if (step(each) !== each) exact = false;
    sum = step(sum + each);
    const [sx, sw] = [scaleAt(af, x.fit, r, k, inputs), scaleAt(wf, w.fit, c, k, inputs)];
    magnitude += Math.abs(each) * sx * sw;
    if (!ends(k)) continue;
    if (product === 'float') {
      acc = sum * sx * sw;
    } else if (product === 'group') {
      acc = fround(acc + fround(fround(sum) * fround(sx * sw)));
      sum = 0;
    } else {
      const wrapped = Number(BigInt.asIntN(32, BigInt(sum)));
      overflow = wrapped !== sum;
      acc = fround(fround(wrapped) * fround(sx * sw));
    }
  }
  // Each of the sums and the last steps is off by half a unit in the last place at most.
  const bound = (inputs + 4) * 2 ** -24 * (magnitude + Math.abs(bias));
  return { value: fround(acc + bias), bound, exact, overflow };
}

const cases = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  outputs: fc.integer({ min: 1, max: 20 }),
  inputs: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 100, max: 300 })),
  seed: fc.integer({ min: 0, max: 1000 }),
});

const nameOf = ({ format, granularity, settings }: Encoding) =>
  [format, granularity, JSON.stringify(settings)]
    .filter((part) => part !== undefined && part !== '{}')
    .join(' ');

describe.each(PAIRS.map((pair) => ({ pair, name: `${pair[0]}: ${nameOf(pair[1])} x ${nameOf(pair[2])}` })))(
  '$name',
  ({ pair: [product, weights, activations] }) => {
    const formats: [TensorFormat, TensorFormat] = [formatOf(weights), formatOf(activations)];

    it('is what the hardware is said to compute', async () => {
      expect(productOf(...formats)).toBe(product);
      await fc.assert(
        fc.asyncProperty(cases, async (shape) => {
          const { rows, outputs, inputs, seed } = shape;
          const [x, w, bias] = [
            wave(rows * inputs, seed),
            wave(outputs * inputs, seed + 1),
            wave(outputs, seed + 2),
          ];
          const { found, overflows } = await project(arithmeticOf(weights, activations), x, w, bias, shape);
          const [we, xe] = [elementsOf(formats[0], w, inputs), elementsOf(formats[1], x, inputs)];
          let wrapped = 0;
          for (let r = 0; r < rows; r++) {
            for (let c = 0; c < outputs; c++) {
              const { value, bound, overflow } = expected(product, formats, we, xe, [r, c, inputs, bias[c]!]);
              const out = found[r * outputs + c]!;
              if (product !== 'float') expect(out).toBe(value);
              else expect(Math.abs(out - value)).toBeLessThanOrEqual(bound);
              if (overflow) wrapped++;
            }
          }
          expect(overflows).toBe(wrapped);
        }),
        { numRuns: 12 },
      );
    });
  },
);
