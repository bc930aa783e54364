import type { Settings } from '../formats/index.ts';
import { SITE_NAMES, type Site, type SiteName, siteId } from '../model/index.ts';
import { formatOf, productOf } from './product.ts';
import type { Statistic, Wants } from './statistics.ts';

/** Float operands, float32 accumulation. */
export interface FloatArithmetic {
  kind: 'float';
  /** Name of a float format; operands are rounded to it, products are summed in float32. */
  weights: string;
  activations: string;
}

/** int8 operands, int32 accumulation. */
export interface IntegerArithmetic {
  kind: 'integer';
  weights: { format: 'int8'; granularity: 'tensor' | 'channel' };
  activations: { format: 'int8'; granularity: 'tensor' | 'token'; scale: 'static' | 'dynamic' };
  /** The output is re-quantised to int8, because another GEMM reads it (ReaLM: all but O, FC2 and Down). */
  requantize: boolean;
  /** SmoothQuant: how far outliers move from activations into weights, 0..1; undefined: not at all. */
  smoothing?: number | undefined;
}

/** How an operand is written, in the words of a machine file. */
export interface Encoding {
  format: string;
  /** Complete: defaults filled in. */
  settings: Settings;
  /** `tensor`, `channel`, `token`, `group:N`; undefined: the format's own. */
  granularity?: string | undefined;
}

/** What the algorithms need of a site's input. */
const WANTED: Record<WeightAlgorithm, readonly Statistic[]> = {
  rtn: [],
  gptq: ['hessian'],
  'gptq-activation-order': ['hessian'],
  awq: ['hessian', 'meanAbs'],
  'awq-clip': ['hessian', 'meanAbs'],
};

/** How weights get their codes: each the nearest, or so that the errors of a row make up for each other. */
export type WeightAlgorithm = 'rtn' | 'gptq' | 'gptq-activation-order' | 'awq' | 'awq-clip';

/** Operands in any formats: elements are multiplied, sums take the scales. */
export interface ScaledArithmetic {
  kind: 'scaled';
  weights: Encoding & { algorithm: WeightAlgorithm };
  activations: Encoding & { scale: 'static' | 'dynamic' };
  /** The output goes on in the format of the activations. */
  requantize: boolean;
  smoothing?: number | undefined;
  /** Input channels are rotated by a Hadamard matrix before both operands are encoded (QuaRot). */
  hadamard: boolean;
}

export type Arithmetic = FloatArithmetic | IntegerArithmetic | ScaledArithmetic;

/** A machine's arithmetic at each GEMM site: plain data, sent to worker threads as it is. */
export interface DatapathPlan {
  sites: Record<SiteName, Arithmetic>;
  /** Layers whose site computes otherwise, by site id (`3.fc2`). */
  exceptions?: Readonly<Record<string, Arithmetic>> | undefined;
  /** OliVe's mixed precision: the worst layers of these sites get the wide formats, see `mixed.ts`. */
  mixed?: MixedPrecision | undefined;
}

/** The layers with the largest error, a share of all, compute in wider formats. */
export interface MixedPrecision {
  /** 0..1, of the (layer, site) pairs in the narrow formats. */
  share: number;
  wide: Partial<Record<SiteName, Arithmetic>>;
}

/** float32 at every site: the reference that machines are compared with. */
export const REFERENCE_PLAN: DatapathPlan = {
  sites: Object.fromEntries(
    SITE_NAMES.map((name) => [name, { kind: 'float', weights: 'float32', activations: 'float32' }]),
  ) as Record<SiteName, FloatArithmetic>,
};

/**
 * Whether two plans encode a model's weights alike, so that weights prepared for one serve the other: they may differ in
 * the activations, as far as the product stays the same and nothing of them is fitted beforehand, and in what they
 * re-quantise.
 */
export function sameWeights(a: DatapathPlan, b: DatapathPlan): boolean {
  if (a.mixed || b.mixed || a.exceptions || b.exceptions) return false;
  return SITE_NAMES.every((name) => weightsPart(a.sites[name]) === weightsPart(b.sites[name]));
}

/** Everything that preparing a weight depends on. */
function weightsPart(arithmetic: Arithmetic): string {
  const { activations, requantize, ...rest } = { requantize: false, ...arithmetic };
  if (arithmetic.kind === 'float') return JSON.stringify(rest);
  // Factors are common to the sites that share an input and compute alike, activations included.
  const joint = arithmetic.smoothing !== undefined || isAwq(arithmetic) ? activations : undefined;
  if (arithmetic.kind === 'integer') return JSON.stringify({ ...rest, joint });
  const product = productOf(formatOf(arithmetic.weights), formatOf(arithmetic.activations));
  const fitted = arithmetic.activations.scale === 'static' ? { activations, requantize } : undefined;
  return JSON.stringify({ ...rest, product, joint, fitted });
}

function isAwq(arithmetic: Arithmetic): boolean {
  return arithmetic.kind === 'scaled' && arithmetic.weights.algorithm.startsWith('awq');
}

/** Whether a plan computes as the reference does. */
export function isReference(plan: DatapathPlan): boolean {
  return Object.values(plan.sites).every(
    (site) => site.kind === 'float' && site.weights === 'float32' && site.activations === 'float32',
  );
}

/** What a site computes with, in its layer. */
export function arithmeticAt({ sites, exceptions }: DatapathPlan, site: Site): Arithmetic {
  return exceptions?.[siteId(site)] ?? sites[site.name];
}

/** Whether a plan's scales, smoothing or weights come from calibration data. */
export function needsCalibration({ sites, mixed }: DatapathPlan): boolean {
  return [...Object.values(sites), ...Object.values(mixed?.wide ?? {})].some(
    (site) =>
      site.kind !== 'float' &&
      (site.activations.scale === 'static' ||
        site.smoothing !== undefined ||
        (site.kind === 'scaled' && site.weights.algorithm !== 'rtn')),
  );
}

/** What calibration must collect beside largest magnitudes, and whether it needs the layers one by one. */
export function wantsOf({ sites, mixed }: DatapathPlan): { wants: Wants; byLayer: boolean } {
  const wants: Partial<Record<SiteName, Statistic[]>> = {};
  let byLayer = false;
  for (const [name, site] of [...Object.entries(sites), ...Object.entries(mixed?.wide ?? {})]) {
    if (site.kind !== 'scaled') continue;
    const wanted = new Set(wants[name as SiteName]);
    if (site.activations.scale === 'static') {
      wanted.add('sample');
      if (site.requantize) wanted.add('outputSample');
    }
    for (const statistic of WANTED[site.weights.algorithm]) wanted.add(statistic);
    if (wanted.has('hessian')) byLayer = true;
    if (wanted.size > 0) wants[name as SiteName] = [...wanted];
  }
  return { wants, byLayer };
}
