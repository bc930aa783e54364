import { z } from 'zod';
import type { Architecture } from './architecture.ts';
import { selfAttention } from './attention.ts';
import { normFirstBlock } from './block.ts';
import { epsilon, equalHeads, headCount, layerCount, type ModelConfig, readConfig, size } from './config.ts';
import { feedForward } from './feed-forward.ts';
import { layerProjections, normPlan, type Pick, projectionPlan, type WeightPlan } from './plan.ts';
import type { SiteName } from './site.ts';

interface BloomConfig extends ModelConfig {
  tied: boolean;
  slopes: number[];
}

const schema = z
  .object({
    hidden_size: size.optional(),
    /** The key's name in the published BLOOM checkpoints. */
    n_embed: size.optional(),
    n_layer: layerCount.optional(),
    num_hidden_layers: layerCount.optional(),
    n_head: headCount.optional(),
    num_attention_heads: headCount.optional(),
    vocab_size: size,
    seq_length: size.default(2048),
    layer_norm_epsilon: epsilon.default(1e-5),
    tie_word_embeddings: z.boolean().default(true),
    apply_residual_connection_post_layernorm: z.literal(false).default(false),
  })
  .transform((config, context) => {
    const hidden = config.hidden_size ?? config.n_embed;
    const layers = config.n_layer ?? config.num_hidden_layers;
    const heads = config.n_head ?? config.num_attention_heads;
    if (hidden && layers && heads) return { ...config, hidden, layers, heads };
    const key = hidden ? (layers ? 'n_head' : 'n_layer') : 'hidden_size';
    context.addIssue({ code: 'custom', path: [key], message: 'expected a number' });
    return z.NEVER;
  });

/** Weights of a layer's sites; q, k and v share one. */
const TENSORS = {
  q: 'self_attention.query_key_value',
  k: 'self_attention.query_key_value',
  v: 'self_attention.query_key_value',
  o: 'self_attention.dense',
  fc1: 'mlp.dense_h_to_4h',
  fc2: 'mlp.dense_4h_to_h',
} as const;

/** BLOOM: ALiBi instead of positions, a norm after the embedding, q, k and v interleaved head by head. */
export const bloom: Architecture<BloomConfig> = {
  name: 'bloom',
  modelTypes: ['bloom'],
  kind: 'decoder',
  head: 'lm_head',

  parse(json) {
    const config = readConfig(schema, json);
    const { hidden, heads } = config;
    return {
      layers: config.layers,
      hidden,
      ...equalHeads(hidden, heads, 'n_head'),
      intermediate: 4 * hidden,
      vocabulary: config.vocab_size,
      context: config.seq_length,
      epsilon: config.layer_norm_epsilon,
      tied: config.tie_word_embeddings,
      slopes: alibiSlopes(heads),
    };
  },

  /** The published checkpoints have no prefix. */
  aliases: (tensor) => [tensor.replace(/^transformer\./, '')],

  frame(config): WeightPlan {
    const { vocabulary, hidden, tied } = config;
    const tokens = 'transformer.word_embeddings.weight';
    return {
      vectors: {
        ...normPlan('embedding_norm', 'transformer.word_embeddings_layernorm', hidden),
        ...normPlan('norm', 'transformer.ln_f', hidden),
      },
      tables: { tokens: { tensor: tokens, rows: vocabulary, columns: hidden } },
      projections: [
        [{ site: 'lm_head', tensor: tied ? tokens : 'lm_head.weight', outputs: vocabulary, inputs: hidden }],
      ],
    };
  },

  layer(config, index): WeightPlan {
    const { hidden, headSize } = config;
    const prefix = `transformer.h.${index}`;
    // Rows of the fused weight: head 0's q, k and v, then head 1's, …
    const part = (which: number) => ({
      total: 3 * hidden,
      row: (i: number) => (3 * Math.floor(i / headSize) + which) * headSize + (i % headSize),
    });
    const picks: Partial<Record<SiteName, Pick>> = { q: part(0), k: part(1), v: part(2) };
    return {
      vectors: {
        ...normPlan('attention_norm', `${prefix}.input_layernorm`, hidden),
        ...normPlan('feed_forward_norm', `${prefix}.post_attention_layernorm`, hidden),
      },
      tables: {},
      projections: layerProjections(config, (site, outputs, inputs) =>
        projectionPlan(site, `${prefix}.${TENSORS[site]}`, outputs, inputs, { pick: picks[site] }),
      ),
    };
  },

  async embed(run, hidden) {
    await run.frame.tables.tokens!.gather(run.sequence.tokens, hidden.data);
    run.layerNorm('embedding_norm', hidden);
  },

  async block(run, hidden) {
    await normFirstBlock(
      run,
      hidden,
      'layerNorm',
      (x) => selfAttention(run, x, { causal: true, slopes: run.config.slopes }),
      (x) => feedForward(run, x, 'gelu_pytorch_tanh'),
    );
  },

  async finish(run, hidden) {
    return run.layerNorm('norm', hidden);
  },
};

/**
 * Slopes of ALiBi (Press et al., ICLR 2022): a geometric series from 2^(-8/n) for n a power of two; further heads take
 * every other slope of the series for 2n.
 */
export function alibiSlopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const slopes = Array.from({ length: power }, (_, i) => 2 ** ((-8 / power) * (i + 1)));
  for (let i = 0; slopes.length < heads; i++) slopes.push(2 ** ((-4 / power) * (2 * i + 1)));
  return slopes;
}
