import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFormat } from '../formats/index.ts';
import { SITE_NAMES, type SiteName } from '../model/index.ts';
import {
  type Arithmetic,
  type DatapathPlan,
  type Encoding,
  type IntegerArithmetic,
  REFERENCE_PLAN,
  type ScaledArithmetic,
  sameWeights,
  wantsOf,
} from './plan.ts';

const encoding = (format: string, granularity?: string, settings = {}): Encoding => ({
  format,
  granularity,
  settings: createFormat(format, settings, granularity).settings,
});

const scaled = fc.record(
  {
    kind: fc.constant('scaled' as const),
    weights: fc
      .tuple(
        fc.constantFrom(
          encoding('int4', 'channel'),
          encoding('int4', 'channel', { clip: 'mse' }),
          encoding('int4', 'tensor'),
          encoding('int4', 'group:8'),
          encoding('int8', 'channel'),
          encoding('olive4', 'channel'),
          encoding('float16'),
        ),
        fc.constantFrom('rtn' as const, 'gptq' as const, 'awq' as const),
      )
      .map(([weights, algorithm]) => ({ ...weights, algorithm })),
    activations: fc
      .tuple(
        fc.constantFrom(
          encoding('int4', 'tensor'),
          encoding('int4', 'tensor', { clip: 'mse' }),
          encoding('int6', 'tensor'),
          encoding('olive4', 'tensor'),
          encoding('int12', 'tensor'),
          encoding('float16'),
          encoding('anda'),
          encoding('anda', undefined, { mantissa: 7 }),
        ),
        fc.constantFrom('static' as const, 'dynamic' as const),
      )
      .map(([activations, scale]) => ({ ...activations, scale })),
    requantize: fc.boolean(),
    smoothing: fc.constantFrom(0.5, 0.8),
    hadamard: fc.boolean(),
  },
  { requiredKeys: ['kind', 'weights', 'activations', 'requantize', 'hadamard'] },
) as fc.Arbitrary<ScaledArithmetic>;

const integer = fc.record(
  {
    kind: fc.constant('integer' as const),
    weights: fc.record({ format: fc.constant('int8'), granularity: fc.constantFrom('tensor', 'channel') }),
    activations: fc.record({
      format: fc.constant('int8'),
      granularity: fc.constantFrom('tensor', 'token'),
      scale: fc.constantFrom('static', 'dynamic'),
    }),
    requantize: fc.boolean(),
    smoothing: fc.constantFrom(0.5, 0.8),
  },
  { requiredKeys: ['kind', 'weights', 'activations', 'requantize'] },
) as fc.Arbitrary<IntegerArithmetic>;

const float: fc.Arbitrary<Arithmetic> = fc.record({
  kind: fc.constant('float' as const),
  weights: fc.constantFrom('float32', 'float16'),
  activations: fc.constantFrom('float32', 'bfloat16'),
});

/** What of an arithmetic a prepared weight, or what is kept beside it, depends on: said apart from `sameWeights`. */
function dependsOn(arithmetic: Arithmetic): unknown {
  if (arithmetic.kind === 'float') return ['float', arithmetic.weights];
  const { weights, activations, smoothing } = arithmetic;
  const integers = (format: string) => /^int[2-8]$/.test(format);
  // Factors common to the sites of an input: these are grouped by all of their arithmetic.
  const grouped = smoothing !== undefined || ('algorithm' in weights && weights.algorithm === 'awq');
  const common = [weights, smoothing, grouped && activations];
  if (arithmetic.kind === 'integer') return ['integer', ...common];
  const groups = [weights, activations].some(
    ({ format, granularity }) => format === 'anda' || granularity?.startsWith('group'),
  );
  const exact = [weights, activations].every(({ format }) => integers(format) || format.startsWith('olive'));
  const plain = [weights, activations].every(({ format }) => integers(format));
  const multiplier = groups ? 'group' : plain ? 'int8' : exact ? 'outliers' : 'float';
  const frozen = activations.scale === 'static' && [activations, arithmetic.requantize];
  return ['scaled', ...common, arithmetic.hadamard, multiplier, frozen];
}

const planOf = (one: Arithmetic, at: SiteName, other: Arithmetic): DatapathPlan => ({
  sites: Object.fromEntries(
    SITE_NAMES.map((name) => [name, name === at ? other : one]),
  ) as DatapathPlan['sites'],
});

describe('sameWeights', () => {
  it('holds exactly where the same is prepared', () => {
    const arithmetic = fc.oneof(
      { weight: 6, arbitrary: scaled },
      { weight: 2, arbitrary: integer },
      { weight: 1, arbitrary: float },
    );
    const counts = { same: 0, different: 0 };
    fc.assert(
      fc.property(
        fc.tuple(arithmetic, arithmetic).chain(([a, b]) =>
          fc.tuple(
            fc.constant(a),
            // Mostly a and b differ in a field or two.
            fc.subarray(Object.keys(b)).map((keys) => {
              if (a.kind !== b.kind) return b;
              const taken = keys.map((key) => [key, b[key as keyof typeof b]] as const);
              return { ...a, ...Object.fromEntries(taken) } as Arithmetic;
            }),
          ),
        ),
        fc.constantFrom(...SITE_NAMES),
        ([a, b], at) => {
          const expected = JSON.stringify(dependsOn(a)) === JSON.stringify(dependsOn(b));
          counts[expected ? 'same' : 'different']++;
          expect(sameWeights(planOf(a, at, a), planOf(a, at, b))).toBe(expected);
          expect(sameWeights(planOf(a, at, b), planOf(a, at, a))).toBe(expected);
        },
      ),
      { numRuns: 3000 },
    );
    expect(Math.min(counts.same, counts.different)).toBeGreaterThan(200);
  });

  it('tells integers from outlier-victim pairs, whose weights lie otherwise', () => {
    const at = (activations: Encoding): DatapathPlan => {
      const arithmetic: ScaledArithmetic = {
        kind: 'scaled',
        weights: { ...encoding('int4', 'channel'), algorithm: 'rtn' },
        activations: { ...activations, scale: 'dynamic' },
        requantize: false,
        hadamard: false,
      };
      return planOf(arithmetic, 'q', arithmetic);
    };
    expect(sameWeights(at(encoding('int4', 'tensor')), at(encoding('int8', 'token')))).toBe(true);
    expect(sameWeights(at(encoding('int4', 'tensor')), at(encoding('olive4', 'tensor')))).toBe(false);
  });

  it('does not hold for what is decided by layers', () => {
    expect(sameWeights(REFERENCE_PLAN, REFERENCE_PLAN)).toBe(true);
    const mixed = { ...REFERENCE_PLAN, mixed: { share: 0, wide: {} } };
    const exceptions = { ...REFERENCE_PLAN, exceptions: {} };
    for (const plan of [mixed, exceptions]) {
      expect(sameWeights(plan, plan)).toBe(false);
      expect(sameWeights(REFERENCE_PLAN, plan)).toBe(false);
    }
  });
});

describe('wantsOf', () => {
  const arithmetic: ScaledArithmetic = {
    kind: 'scaled',
    weights: { ...encoding('int4', 'channel'), algorithm: 'rtn' },
    activations: { ...encoding('int4', 'tensor'), scale: 'dynamic' },
    requantize: false,
    hadamard: false,
  };
  const plan = planOf(REFERENCE_PLAN.sites.q, 'q', arithmetic);

  it('asks for what each site needs, and no more', () => {
    const wants = (change: Partial<ScaledArithmetic>) =>
      wantsOf(planOf(REFERENCE_PLAN.sites.q, 'q', { ...arithmetic, ...change }));
    const fixed = { ...arithmetic.activations, scale: 'static' as const };
    const gptq = { ...arithmetic.weights, algorithm: 'gptq' as const };
    const awq = { ...arithmetic.weights, algorithm: 'awq' as const };
    expect(wantsOf(plan)).toEqual({ wants: {}, byLayer: false });
    expect(wants({ smoothing: 0.5 })).toEqual({ wants: {}, byLayer: false });
    expect(wants({ activations: fixed })).toEqual({ wants: { q: ['sample'] }, byLayer: false });
    expect(wants({ activations: fixed, requantize: true })).toEqual({
      wants: { q: ['sample', 'outputSample'] },
      byLayer: false,
    });
    expect(wants({ weights: gptq })).toEqual({ wants: { q: ['hessian'] }, byLayer: true });
    expect(wants({ weights: awq, activations: fixed })).toEqual({
      wants: { q: ['sample', 'hessian', 'meanAbs'] },
      byLayer: true,
    });
  });

  it('asks for what the wide formats of a mixed precision need', () => {
    const wide = { ...arithmetic, weights: { ...arithmetic.weights, algorithm: 'gptq' as const } };
    expect(wantsOf({ ...plan, mixed: { share: 0.5, wide: { q: wide } } })).toEqual({
      wants: { q: ['hessian'] },
      byLayer: true,
    });
  });
});
