import type { Arithmetic } from '../datapath/plan.ts';
import { accumulatorOf } from '../datapath/product.ts';
import { FORMATS, type Settings } from '../formats/index.ts';
import type { SiteName } from '../model/site.ts';
import type { Machine } from './parse.ts';
import { ATTENTION_SITES } from './schema.ts';

/** The arithmetic of a few sites in words. */
export interface SiteGroup {
  sites: SiteName[];
  weights: string;
  activations: string;
  accumulator: 'int32' | 'float32';
  /** What happens besides: re-quantised outputs, smoothing. */
  remarks: string;
}

/** The sites of a machine, those with the same arithmetic together, in the order of execution. */
export function describeSites(machine: Machine): SiteGroup[] {
  const groups = new Map<string, SiteGroup>();
  for (const [name, arithmetic] of Object.entries(machine.plan.sites) as [SiteName, Arithmetic][]) {
    const described = describe(name, arithmetic);
    const key = JSON.stringify(described);
    const group = groups.get(key);
    if (group) group.sites.push(name);
    else groups.set(key, { sites: [name], ...described });
  }
  return [...groups.values()];
}

/** A few words for lists: the formats that most sites multiply, such as `int4 × anda`. */
export function describeOperands(machine: Machine): string {
  const counts = new Map<string, number>();
  for (const site of Object.values(machine.plan.sites)) {
    const operands = [site.weights, site.activations]
      .map((operand) => (typeof operand === 'string' ? operand : operand.format))
      .join(' × ');
    counts.set(operands, (counts.get(operands) ?? 0) + 1);
  }
  return [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
}

function describe(name: SiteName, arithmetic: Arithmetic): Omit<SiteGroup, 'sites'> {
  const attention = (ATTENTION_SITES as readonly SiteName[]).includes(name);
  if (arithmetic.kind === 'float') {
    const { weights, activations } = arithmetic;
    return { weights: attention ? '' : weights, activations, accumulator: 'float32', remarks: '' };
  }
  const { weights, activations, requantize, smoothing } = arithmetic;
  const remarks = [];
  if (requantize) remarks.push('output re-quantised');
  if (smoothing !== undefined) remarks.push(`smoothed, alpha ${smoothing}`);
  if (arithmetic.kind === 'scaled') {
    if (arithmetic.hadamard) remarks.push('rotated');
    if (!attention && arithmetic.weights.algorithm !== 'rtn')
      remarks.push(arithmetic.weights.algorithm.toUpperCase());
  }
  return {
    weights: attention ? '' : wordsOf(weights),
    activations: FORMATS[activations.format]!.float
      ? wordsOf(activations)
      : `${wordsOf(activations)}, ${activations.scale}`,
    accumulator: accumulatorOf(arithmetic),
    remarks: remarks.join('; '),
  };
}

/** `int8 per token`, `anda (mantissa 7) per group of 64`, `float16`. */
function wordsOf(
  operand: string | { format: string; granularity?: string | undefined; settings?: Settings },
): string {
  if (typeof operand === 'string') return operand;
  const { name, float, settings: specs, defaultGranularity } = FORMATS[operand.format]!;
  if (float) return name;
  const chosen = Object.entries(operand.settings ?? {}).filter(
    ([key, value]) => value !== specs[key]?.default,
  );
  const settings = chosen.map(([key, value]) => `${key} ${value}`).join(', ');
  const own =
    typeof defaultGranularity === 'string' ? defaultGranularity : `group:${defaultGranularity.group}`;
  const shared = (operand.granularity ?? own).replace(/^group:/, 'group of ');
  return `${name}${settings && ` (${settings})`} per ${shared}`;
}
