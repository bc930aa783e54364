import { describe, expect, it } from 'vitest';
import { RunError } from '../errors.ts';
import { createFormat, type TensorFormat } from '../formats/index.ts';
import { groupOf } from '../formats/tensor-format.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { type SiteName, siteId } from '../model/index.ts';
import { type Calibration, CalibrationDatapath } from './calibration.ts';
import { createDatapath } from './machine-datapath.ts';
import { type Arithmetic, REFERENCE_PLAN, type ScaledArithmetic, wantsOf } from './plan.ts';

/* What formats with scales do around their product: scales and weights from calibration data, transforms, outputs. */

const kernels = await createKernels();
const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
const { fround } = Math;
const [ROWS, INPUTS, OUTPUTS] = [7, 24, 11];

const wave = (length: number, phase: number, size = 1) =>
  Float32Array.from(
    { length },
    (_, i) => size * Math.sin((i + 1) * 12.9898 + phase) * (i % INPUTS === 3 ? 20 : 1),
  );
const X = wave(ROWS * INPUTS, 0);
/** What calibration saw: smaller, and another shape. */
const SAMPLE = wave(5 * INPUTS, 9, 0.4);
const W = wave(OUTPUTS * INPUTS, 1, 0.3);
/** Without an outlier channel: that of the activations is worth a factor. */
const EVEN = W.map((value, i) => (i % INPUTS === 3 ? value / 20 : value));

type Chosen = [name: string, granularity?: string, settings?: Record<string, number | string>];

function scaled(
  weights: Chosen,
  activations: Chosen,
  more: Partial<ScaledArithmetic> = {},
): ScaledArithmetic {
  const encoding = ([format, granularity, settings = {}]: Chosen) => ({
    format,
    granularity,
    settings: createFormat(format, settings, granularity).settings,
  });
  return {
    kind: 'scaled',
    weights: { ...encoding(weights), algorithm: 'rtn' },
    activations: { ...encoding(activations), scale: 'dynamic' },
    requantize: false,
    hadamard: false,
    ...more,
  };
}

const fixed = (weights: Chosen, activations: Chosen, more: Partial<ScaledArithmetic> = {}) => {
  const arithmetic = scaled(weights, activations, more);
  return { ...arithmetic, activations: { ...arithmetic.activations, scale: 'static' as const } };
};

const planOf = (sites: Partial<Record<SiteName, Arithmetic>>) => ({
  sites: { ...REFERENCE_PLAN.sites, ...sites },
});

/** Outputs of sites of layer 2 that share an input; calibrated on SAMPLE. */
async function project(
  sites: Partial<Record<SiteName, Arithmetic>>,
  { x = X, w = W, bias }: { x?: Float32Array; w?: Float32Array; bias?: Float32Array } = {},
): Promise<Partial<Record<SiteName, number[]>>> {
  const names = Object.keys(sites) as SiteName[];
  const plan = planOf(sites);
  const mark = kernels.mark();
  const run = async (datapath: ReturnType<typeof createDatapath>, input: Float32Array) => {
    const group = names.map((name) => ({
      site: { name, layer: 2 },
      weight: { data: w, outputs: OUTPUTS, inputs: INPUTS },
    }));
    const weights = await datapath.prepare(group);
    const rows = input.length / INPUTS;
    const projections = group.map(({ site }, i) => ({
      site,
      weight: weights[i]!,
      bias,
      output: { data: kernels.floats(rows * OUTPUTS), rows, columns: OUTPUTS },
    }));
    await datapath.project({ data: kernels.load(input), rows, columns: INPUTS }, projections);
    return projections.map(({ site, output }) => [site.name, [...output.data]] as const);
  };
  try {
    const collector = new CalibrationDatapath(createDatapath(kernels, gemm, REFERENCE_PLAN), {
      gemm,
      wants: wantsOf(plan).wants,
    });
    if (w.every(Number.isFinite)) await run(collector as never, SAMPLE);
    const calibration: Calibration = collector.calibration;
    return Object.fromEntries(await run(createDatapath(kernels, gemm, plan, calibration), x));
  } finally {
    kernels.release(mark);
  }
}

function fitOf(format: TensorFormat, x: Float32Array, columns: number) {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  kernels.release(mark);
  return fit;
}

/** What x carries with a fit. */
function carried(format: TensorFormat, x: Float32Array, columns: number, fit = fitOf(format, x, columns)) {
  const elements = format.decode(format.encode(x, columns, fit), columns, fit);
  return [...elements].map((element, i) =>
    fround(element * (fit.scales.length === 0 ? 1 : fit.scales[groupOf(format.granularity, i, columns)]!)),
  );
}

describe('static scales are fitted on the calibration data, and stay', () => {
  it.each<Chosen>([
    ['int4', 'tensor'],
    ['int4', 'tensor', { clip: 'mse' }],
    ['int6', 'tensor', { range: 'asymmetric' }],
    ['olive4', 'tensor'],
    ['olive-int8', 'tensor'],
    ['olaccel', 'tensor'],
  ])('%s %s %o', async (...chosen) => {
    const activations = createFormat(chosen[0], chosen[2] ?? {}, chosen[1]);
    const weights = createFormat('int4', {}, 'channel');
    const bias = wave(OUTPUTS, 4);
    const { fc1 } = await project({ fc1: fixed(['int4', 'channel'], chosen) }, { bias });
    const [xFit, wFit] = [fitOf(activations, SAMPLE, INPUTS), fitOf(weights, W, INPUTS)];
    expect(xFit).not.toEqual(fitOf(activations, X, INPUTS));
    const xs = activations.decode(activations.encode(X, INPUTS, xFit), INPUTS, xFit);
    const ws = weights.decode(weights.encode(W, INPUTS, wFit), INPUTS, wFit);
    const expected: number[] = [];
    for (let r = 0; r < ROWS; r++) {
      for (let c = 0; c < OUTPUTS; c++) {
        let sum = 0;
        for (let k = 0; k < INPUTS; k++) sum += xs[r * INPUTS + k]! * ws[c * INPUTS + k]!;
        expected.push(fround(fround(fround(sum) * fround(xFit.scales[0]! * wFit.scales[c]!)) + bias[c]!));
      }
    }
    expect(fc1).toEqual(expected.map((value) => value + 0));
  });
});

describe('a re-quantised output is what the format carries of the plain one', () => {
  it.each<Chosen>([['int4', 'token'], ['int8', 'group:4'], ['olive4', 'tensor'], ['anda'], ['mxfp8']])(
    'dynamic: %s %s',
    async (...chosen) => {
      const arithmetic = scaled(['int8', 'channel'], chosen);
      const { fc1 } = await project({ fc1: arithmetic });
      const { fc1: found } = await project({ fc1: { ...arithmetic, requantize: true } });
      const format = createFormat(chosen[0], chosen[2] ?? {}, chosen[1]);
      expect(found!.map((value) => value + 0)).toEqual(
        carried(format, Float32Array.from(fc1!), OUTPUTS).map((value) => value + 0),
      );
    },
  );

  it.each<Chosen>([
    ['int4', 'tensor'],
    ['olive4', 'tensor'],
    ['ant', 'tensor'],
  ])('static, by a sample of the outputs: %s', async (...chosen) => {
    const arithmetic = fixed(['int8', 'channel'], chosen);
    const { fc1 } = await project({ fc1: arithmetic });
    const { fc1: found, up } = await project({ fc1: { ...arithmetic, requantize: true }, up: arithmetic });
    // The reference's outputs on the calibration data.
    const { o: outputs } = await project({ o: REFERENCE_PLAN.sites.o }, { x: SAMPLE });
    const format = createFormat(chosen[0], chosen[2] ?? {}, chosen[1]);
    const fit = fitOf(format, Float32Array.from(outputs!), OUTPUTS);
    expect(found!.map((value) => value + 0)).toEqual(
      carried(format, Float32Array.from(fc1!), OUTPUTS, fit).map((value) => value + 0),
    );
    expect(up).toEqual(fc1);
  });
});

describe('transforms of the input leave the product as it is', () => {
  const exact = async () => (await project({ fc1: REFERENCE_PLAN.sites.fc1 })).fc1!;
  const rtn = scaled(['int16', 'channel'], ['float32']);
  const awq = { ...rtn.weights, algorithm: 'awq' as const };
  const gptq = { ...rtn.weights, algorithm: 'gptq' as const };
  it.each<[string, Partial<ScaledArithmetic>]>([
    ['none', {}],
    ['SmoothQuant', { smoothing: 0.5 }],
    ['SmoothQuant, all into the weights', { smoothing: 1 }],
    ['Hadamard', { hadamard: true }],
    ['SmoothQuant, then Hadamard', { smoothing: 0.7, hadamard: true }],
    ['AWQ', { weights: awq }],
    ['SmoothQuant, then AWQ', { weights: awq, smoothing: 0.5 }],
    ['GPTQ', { weights: gptq }],
    ['GPTQ after SmoothQuant and Hadamard', { weights: gptq, smoothing: 0.5, hadamard: true }],
  ])('%s', async (_, more) => {
    const [expected, { fc1: found }] = [await exact(), await project({ fc1: { ...rtn, ...more } })];
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of expected.entries())
      expect(Math.abs(found![i]! - value)).toBeLessThan(3e-4 * largest);
    // Of 4 bits they leave other errors.
    if (Object.keys(more).length === 0) return;
    const narrow = scaled(['int4', 'channel'], ['int4', 'token']);
    const algorithm = more.weights?.algorithm ?? 'rtn';
    const changed = { ...narrow, ...more, weights: { ...narrow.weights, algorithm } };
    const options = { w: EVEN };
    expect((await project({ fc1: changed }, options)).fc1).not.toEqual(
      (await project({ fc1: narrow }, options)).fc1,
    );
  });
});

it('sites that share an input compute what each does alone', async () => {
  const sites: Partial<Record<SiteName, Arithmetic>> = {
    q: scaled(['int4', 'channel'], ['int4', 'token'], { hadamard: true }),
    k: scaled(['olive4', 'channel'], ['olive4', 'tensor'], { requantize: true }),
    v: { kind: 'float', weights: 'float16', activations: 'float16' },
    up: scaled(['int4', 'group:8'], ['anda']),
    // As q but for its place, so that it is not encoded again where it could be.
    gate: scaled(['int4', 'channel'], ['int4', 'token'], { hadamard: true }),
  };
  const together = await project(sites);
  for (const [name, arithmetic] of Object.entries(sites)) {
    expect(together[name as SiteName], name).toEqual(
      (await project({ [name]: arithmetic }))[name as SiteName],
    );
  }
});

const MULTIPLIERS: [string, ScaledArithmetic][] = [
  ['integers', scaled(['int4', 'channel'], ['int8', 'token'])],
  ['outlier-victim pairs', scaled(['olive4', 'channel'], ['olive-int8', 'tensor'])],
  ['groups', scaled(['int4', 'group:8'], ['anda'])],
  ['floats', scaled(['int4', 'channel'], ['float16'])],
];

describe.each(MULTIPLIERS)('%s', (_, arithmetic) => {
  it('no rows give no outputs, rows of zeros the bias', async () => {
    const bias = wave(OUTPUTS, 5);
    expect(await project({ fc1: arithmetic }, { x: new Float32Array(0), bias })).toEqual({ fc1: [] });
    const zeros = await project({ fc1: arithmetic }, { x: new Float32Array(2 * INPUTS), bias });
    expect(zeros.fc1).toEqual([...bias, ...bias]);
    const nothing = await project({ fc1: arithmetic }, { w: new Float32Array(W.length), bias });
    expect(nothing.fc1).toEqual(Array.from({ length: ROWS }, () => [...bias]).flat());
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('%f is found in activations and weights', async (bad) => {
    const x = X.with(2 * INPUTS + 5, bad);
    const message = `2.fc1: expected finite activations, found ${bad} (token 2, channel 5)`;
    await expect(project({ fc1: arithmetic }, { x })).rejects.toThrow(new RunError(message));
    const w = W.with(3 * INPUTS + 1, bad);
    await expect(project({ fc1: arithmetic }, { w })).rejects.toMatchObject({
      name: 'InputError',
      message: `weight of 2.fc1: expected finite values, found ${bad} (output 3, input 1)`,
      note: `${arithmetic.weights.format} codes finite numbers only`,
    });
  });
});

it('NaN is found beside static scales too, and missing statistics are named', async () => {
  const arithmetic = fixed(['int4', 'channel'], ['int4', 'tensor']);
  const x = X.with(30, Number.NaN);
  await expect(project({ fc1: arithmetic }, { x })).rejects.toThrow(
    '2.fc1: expected finite activations, found NaN (token 1, channel 6)',
  );
  const site = { name: 'fc1', layer: 2 } as const;
  const datapath = createDatapath(kernels, gemm, planOf({ fc1: arithmetic }));
  const weight = { data: W, outputs: OUTPUTS, inputs: INPUTS };
  await expect(datapath.prepare([{ site, weight }])).rejects.toMatchObject({
    name: 'InputError',
    message: `site ${siteId(site)} needs statistics of calibration data, and there are none`,
  });
});
