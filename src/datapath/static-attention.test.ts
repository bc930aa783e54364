import { describe, expect, it } from 'vitest';
import { createGemm, createKernels } from '../kernels/index.ts';
import { product, type Rows, roundHalfEven, toRows, transpose } from '../kernels/oracle.ts';
import { type Attention, type Datapath, SITE_NAMES } from '../model/index.ts';
import { type Calibration, CalibrationDatapath } from './calibration.ts';
import { createDatapath } from './machine-datapath.ts';
import { type DatapathPlan, REFERENCE_PLAN } from './plan.ts';

const [GROUPS, M, N, D] = [2, 6, 19, 10];

function planOf(scale: 'static' | 'dynamic'): DatapathPlan {
  const arithmetic = {
    kind: 'integer',
    weights: { format: 'int8', granularity: 'tensor' },
    activations: { format: 'int8', granularity: 'tensor', scale },
    requantize: false,
  };
  const sites = Object.fromEntries(SITE_NAMES.map((name) => [name, arithmetic]));
  return { sites: sites as DatapathPlan['sites'] };
}

const wave = (length: number, phase: number, size: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * 12.9898 + phase) * size);
const OPERANDS = {
  queries: wave(GROUPS * M * D, 0, 2),
  keys: wave(GROUPS * N * D, 1, 3),
  values: wave(GROUPS * N * D, 2, 0.7),
};

/** Scores and probabilities as they pass the softmax, group by group, and the context. */
async function attend(plan: DatapathPlan, calibration?: Calibration, wrap = (inner: Datapath) => inner) {
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
  const scores: number[] = [];
  const probabilities: number[] = [];
  const attention: Attention = {
    qk: { name: 'qk', layer: 0 },
    sv: { name: 'sv', layer: 0 },
    queries: kernels.load(OPERANDS.queries),
    keys: kernels.load(OPERANDS.keys),
    values: kernels.load(OPERANDS.values),
    groups: GROUPS,
    m: M,
    n: N,
    d: D,
    rows: M,
    causal: false,
    softmax(x) {
      scores.push(...x);
      kernels.softmax(x, N, { scale: 1 / Math.sqrt(D), first: N - 1, period: 1 });
      probabilities.push(...x);
    },
    context: kernels.floats(GROUPS * M * D),
  };
  await wrap(createDatapath(kernels, gemm, plan, calibration)).attend(attention);
  return { scores, probabilities, context: [...attention.context] };
}

async function calibrate(): Promise<Calibration> {
  let recorder: CalibrationDatapath | undefined;
  await attend(REFERENCE_PLAN, undefined, (inner) => {
    recorder = new CalibrationDatapath(inner);
    return recorder;
  });
  return recorder!.calibration;
}

function absMax(x: Float32Array): number {
  return x.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}

describe('attention with static scales', () => {
  it('calibrated on the same operands is the one with dynamic scales, bit for bit', async () => {
    const found = await attend(planOf('static'), await calibrate());
    expect(found).toEqual(await attend(planOf('dynamic')));
  });

  it('asks for a calibration', async () => {
    await expect(attend(planOf('static'))).rejects.toThrow('0.qk needs statistics of calibration data');
  });

  it.each([0.5, 1, 3])('calibrated on maxima %f times the real ones', async (factor) => {
    const [q, k, v] = [OPERANDS.queries, OPERANDS.keys, OPERANDS.values].map((x) => factor * absMax(x));
    const found = await attend(planOf('static'), {
      '0.qk': { input: new Float32Array(), output: 0, operands: { left: q!, right: k! } },
      '0.sv': { input: new Float32Array(), output: 0, operands: { left: 1, right: v! } },
    });
    const clamped = { queries: 0, keys: 0, values: 0 };
    const encode = (name: keyof typeof clamped, group: number, max: number) => {
      const scale = Math.fround(Math.fround(max) / 127);
      const values = OPERANDS[name];
      const length = values.length / GROUPS;
      const codes = Array.from(values.subarray(group * length, (group + 1) * length), (value) => {
        const code = roundHalfEven(Math.fround(value / scale));
        if (Math.abs(code) > 127) clamped[name]++;
        return Math.max(-127, Math.min(127, code));
      });
      return { codes: toRows(codes, D), scale };
    };
    const decode = (sums: Rows, left: number, right: number) =>
      sums.flat().map((sum) => Math.fround(sum * Math.fround(left * right)) + 0);
    const scores: number[] = [];
    const context: number[] = [];
    const probability = Math.fround(1 / 127);
    for (let group = 0; group < GROUPS; group++) {
      const [query, key, value] = [
        encode('queries', group, q!),
        encode('keys', group, k!),
        encode('values', group, v!),
      ];
      scores.push(...decode(product(query.codes, transpose(key.codes, D), N), query.scale, key.scale));
      // The probabilities that the datapath's softmax gave: only what it makes of them is under test.
      const codes = found.probabilities
        .slice(group * M * N, (group + 1) * M * N)
        .map((p) => roundHalfEven(Math.fround(p / probability)));
      context.push(...decode(product(toRows(codes, N), value.codes, D), probability, value.scale));
    }
    for (const count of Object.values(clamped)) {
      if (factor < 1) expect(count).toBeGreaterThan(20);
      else expect(count).toBe(0);
    }
    expect(found.scores).toEqual(scores);
    expect(found.context).toEqual(context);
  });
});
