import { SITE_NAMES, type SiteName } from '../model/index.ts';

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

export type Arithmetic = FloatArithmetic | IntegerArithmetic;

/** A machine's arithmetic at each GEMM site: plain data, sent to worker threads as it is. */
export interface DatapathPlan {
  sites: Record<SiteName, Arithmetic>;
}

/** float32 at every site: the reference that machines are compared with. */
export const REFERENCE_PLAN: DatapathPlan = {
  sites: Object.fromEntries(
    SITE_NAMES.map((name) => [name, { kind: 'float', weights: 'float32', activations: 'float32' }]),
  ) as Record<SiteName, FloatArithmetic>,
};

/**
 * Whether two plans encode a model's weights alike, so that weights prepared for one serve the other. An engine's
 * `prepare` may use everything of its arithmetic but the activations and the re-quantisation of outputs.
 */
export function sameWeights(a: DatapathPlan, b: DatapathPlan): boolean {
  const part = (arithmetic: Arithmetic) =>
    JSON.stringify({ ...arithmetic, activations: undefined, requantize: undefined });
  return SITE_NAMES.every((name) => part(a.sites[name]) === part(b.sites[name]));
}

/** Whether a plan computes as the reference does. */
export function isReference(plan: DatapathPlan): boolean {
  return Object.values(plan.sites).every(
    (site) => site.kind === 'float' && site.weights === 'float32' && site.activations === 'float32',
  );
}
