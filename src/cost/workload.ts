import { InputError } from '../errors.ts';
import { describeModel, type ModelConfig, siteShapes } from '../model/index.ts';
import type { SiteShape } from '../model/shapes.ts';
import { attentionGemms } from './attention.ts';
import { bartGemms } from './bart.ts';
import type { Workload, WorkloadGemm } from './contract.ts';

export interface WorkloadOptions {
  phase: 'prefill' | 'decode';
  /** Sequences that are computed together. */
  batch: number;
  /** Tokens of each sequence in prefill; tokens in the cache in decode, the new one included. */
  sequence: number;
}

/**
 * The GEMMs of one pass of a model, from its configuration alone.
 *
 * prefill  all tokens of all sequences at once
 * decode   one token of each sequence, against a cache
 *
 * Query heads that share a key (grouped heads) stand under each other in one product, so that the key is read once. The
 * attention products are whole rectangles: an array computes the masked half of a causal product as well, and what lies
 * beyond a sliding window. The head
 * (lm_head, pooler, classifier) is computed for one token of each sequence in both phases: the last, or BERT's first.
 * @throws InputError for a size that is no positive whole number, a sequence that the model has no positions for, an
 * encoder asked to decode, and a configuration that no architecture reads
 */
export function modelWorkload(
  name: string,
  json: Record<string, unknown>,
  { phase, batch, sequence }: WorkloadOptions,
): Workload {
  checkSize('batch', batch);
  checkSize('sequence', sequence);
  checkSize('batch times sequence', batch * sequence);
  const size = { phase, batch, sequence };
  if (json.model_type === 'bart') {
    return { name, ...size, gemms: bartGemms(json, size, (positions) => checkContext(sequence, positions)) };
  }
  const { architecture, config } = describeModel({ name, config: json });
  checkContext(sequence, config.context);
  if (architecture.kind === 'encoder' && phase === 'decode') {
    throw new InputError(`${name} is an encoder: it has no decode phase`, { note: 'give --phase prefill' });
  }
  const gemms = siteShapes(architecture, config).flatMap((shape) => siteGemms(shape, config, size));
  return { name, ...size, gemms };
}

/** Sites that see one token of each sequence: what they compute of the others is not used. */
const HEADS = ['lm_head', 'pooler', 'classifier', 'project_out'];

function siteGemms(shape: SiteShape, config: ModelConfig, size: WorkloadOptions): WorkloadGemm[] {
  const { batch, sequence, phase } = size;
  const { site, products, inputs, outputs } = shape;
  if (site === 'qk' || site === 'sv') {
    const { layers, heads, keyValueHeads, headSize } = config;
    const queries = phase === 'prefill' ? sequence : 1;
    const count = layers * keyValueHeads * batch;
    return attentionGemms({
      queries: (heads / keyValueHeads) * queries,
      keys: sequence,
      headSize,
      count,
    }).filter((gemm) => gemm.site === site);
  }
  const tokens = phase === 'prefill' && !HEADS.includes(site) ? batch * sequence : batch;
  return [{ site, m: tokens, k: inputs as number, n: outputs as number, count: products, weight: true }];
}

/** Tokens that one pass of a workload takes in or gives out; undefined for a file of GEMMs. */
export function tokensOf({ phase, batch, sequence }: Workload): number | undefined {
  if (phase === 'file') return undefined;
  return phase === 'prefill' ? batch * sequence : batch;
}

function checkSize(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new InputError(`${name}: expected a positive whole number below 2^53, found ${value}`);
}

function checkContext(sequence: number, positions: number): void {
  if (sequence <= positions) return;
  throw new InputError(`sequence: expected at most the model's ${positions} positions, found ${sequence}`);
}
