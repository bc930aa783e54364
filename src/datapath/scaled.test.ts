import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createFormat, type Fit, type TensorFormat } from '../formats/index.ts';
import { groupOf } from '../formats/tensor-format.ts';
import { createGemm, createKernels, type Gemm, type Kernels } from '../kernels/index.ts';
import { SITE_NAMES, type SiteName } from '../model/index.ts';
import { createDatapath } from './machine-datapath.ts';
import type { Encoding, ScaledArithmetic } from './plan.ts';
import { formatOf, groupSize, productOf } from './product.ts';

/*
 * The engine against the definition: codes from the formats' oracles, their elements summed exactly, scales applied where
 * the hardware does. Integer and group products agree bit for bit; where products are summed in float32 over a whole row,
 * the order of the sum is the kernel's, and the difference is bounded.
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

/** Weights, activations, and what their hardware sums in. */
const PAIRS: [string, Encoding, Encoding][] = [
  ['integer', encoding('int4', 'channel'), encoding('int4', 'token')],
  ['integer', encoding('int4', 'tensor'), encoding('int8', 'token')],
  ['integer', encoding('int7', 'channel', { range: 'asymmetric' }), encoding('int3', 'tensor')],
  ['group', encoding('int4', 'group:8'), encoding('int8', 'token')],
  ['group', encoding('int4', 'group:8'), encoding('float16')],
  ['group', encoding('int2', 'group:12'), encoding('int16', 'group:8')],
  ['group', encoding('int4', 'group:16', { range: 'asymmetric' }), encoding('int4', 'group:4')],
  ['group', encoding('int4', 'group:128'), encoding('anda', 'group:16', { mantissa: 6 })],
  ['group', encoding('int4', 'group:12'), encoding('anda', 'group:64', { mantissa: 16 })],
  ['group', encoding('int4', 'group:32'), encoding('figna', 'group:16')],
  ['group', encoding('vs-quant', 'group:8'), encoding('vs-quant', 'group:8')],
  ['group', encoding('msfp', 'group:8'), encoding('msfp', 'group:8')],
  ['float', encoding('int12', 'channel'), encoding('int10', 'token')],
  ['float', encoding('int4', 'channel'), encoding('bfloat16')],
];

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
    (_, i) => Math.sin((i + 1) * 12.9898 + seed) * (1 + ((i * 7) % 11 === 0 ? 6 : 0)),
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
  return found;
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
  product: string,
  [wf, af]: [TensorFormat, TensorFormat],
  w: ReturnType<typeof elementsOf>,
  x: ReturnType<typeof elementsOf>,
  [r, c, inputs, bias]: [number, number, number, number],
): { value: number; bound: number } {
  const step = Math.min(groupSize(wf) ?? inputs, groupSize(af) ?? inputs);
  const ends = (k: number) =>
    k + 1 === inputs ||
    (k + 1) % (groupSize(wf) ?? inputs) === 0 ||
    (k + 1) % (groupSize(af) ?? inputs) === 0;
  const { fround } = Math;
  let [acc, sum, magnitude] = [0, 0, 0];
  for (let k = 0; k < inputs; k++) {
    sum += x.elements[r * inputs + k]! * w.elements[c * inputs + k]!;
    magnitude += Math.abs(x.elements[r * inputs + k]! * w.elements[c * inputs + k]!);
    if (!ends(k)) continue;
    const [sx, sw] = [scaleAt(af, x.fit, r, k, inputs), scaleAt(wf, w.fit, c, k, inputs)];
    if (product === 'float') acc = sum * sx * sw;
    else if (product === 'integer') acc = fround(fround(sum) * fround(sx * sw));
    else acc = fround(acc + fround(fround(sum) * fround(sx * sw)));
    if (step < inputs) sum = 0;
  }
  const scale = scaleAt(af, x.fit, r, 0, inputs) * scaleAt(wf, w.fit, c, 0, inputs);
  // Each of the sums and the last steps is off by half a unit in the last place at most.
  return { value: fround(acc + bias), bound: (inputs + 4) * 2 ** -24 * (magnitude * scale + Math.abs(bias)) };
}

const cases = fc.record({
  rows: fc.integer({ min: 1, max: 9 }),
  outputs: fc.integer({ min: 1, max: 20 }),
  inputs: fc.integer({ min: 1, max: 50 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

describe.each(PAIRS)('%s product of %o and %o', (product, weights, activations) => {
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
        const found = await project(arithmeticOf(weights, activations), x, w, bias, shape);
        const [we, xe] = [elementsOf(formats[0], w, inputs), elementsOf(formats[1], x, inputs)];
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < outputs; c++) {
            const { value, bound } = expected(product, formats, we, xe, [r, c, inputs, bias[c]!]);
            const out = found[r * outputs + c]!;
            // float16 activations are no integers: their sums within a group are float32's.
            const exact = product !== 'float' && formats[1].largestInteger !== undefined;
            if (exact) expect(out).toBe(value);
            else expect(Math.abs(out - value)).toBeLessThanOrEqual(bound);
          }
        }
      }),
      { numRuns: 25 },
    );
  });
});
