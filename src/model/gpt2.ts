import { z } from 'zod';
import type { Architecture } from './architecture.ts';
import { selfAttention } from './attention.ts';
import { normFirstBlock } from './block.ts';
import {
  type Activation,
  activation,
  epsilon,
  equalHeads,
  headCount,
  layerCount,
  type ModelConfig,
  readConfig,
  size,
} from './config.ts';
import { feedForward } from './feed-forward.ts';
import { layerProjections, normPlan, type Pick, projectionPlan, type WeightPlan } from './plan.ts';
import type { SiteName } from './site.ts';

interface Gpt2Config extends ModelConfig {
  activation: Activation;
  tied: boolean;
}

const schema = z.object({
  n_embd: size,
  n_inner: size.optional(),
  n_layer: layerCount,
  n_head: headCount,
  vocab_size: size,
  n_positions: size.default(1024),
  layer_norm_epsilon: epsilon.default(1e-5),
  activation_function: activation.default('gelu_new'),
  tie_word_embeddings: z.boolean().default(true),
  scale_attn_weights: z.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
});

/** Weights of a layer's sites; q, k and v are thirds of one. */
const TENSORS = {
  q: 'attn.c_attn',
  k: 'attn.c_attn',
  v: 'attn.c_attn',
  o: 'attn.c_proj',
  fc1: 'mlp.c_fc',
  fc2: 'mlp.c_proj',
} as const;

/** GPT-2: learned positions, LayerNorm first, tanh-GELU, weights stored [inputs, outputs] with q, k and v fused. */
export const gpt2: Architecture<Gpt2Config> = {
  name: 'gpt2',
  modelTypes: ['gpt2'],
  kind: 'decoder',
  head: 'lm_head',

  parse(json) {
    const config = readConfig(schema, json);
    const { n_embd: hidden, n_head: heads } = config;
    return {
      layers: config.n_layer,
      hidden,
      ...equalHeads(hidden, heads, 'n_head'),
      intermediate: config.n_inner ?? 4 * hidden,
      vocabulary: config.vocab_size,
      context: config.n_positions,
      epsilon: config.layer_norm_epsilon,
      activation: config.activation_function,
      tied: config.tie_word_embeddings,
    };
  },

  /** OpenAI's own checkpoints have no prefix. */
  aliases: (tensor) => [tensor.replace(/^transformer\./, '')],

  frame(config): WeightPlan {
    const { vocabulary, hidden, context, tied } = config;
    const tokens = 'transformer.wte.weight';
    return {
      vectors: normPlan('norm', 'transformer.ln_f', hidden),
      tables: {
        tokens: { tensor: tokens, rows: vocabulary, columns: hidden },
        positions: { tensor: 'transformer.wpe.weight', rows: context, columns: hidden },
      },
      projections: [
        [{ site: 'lm_head', tensor: tied ? tokens : 'lm_head.weight', outputs: vocabulary, inputs: hidden }],
      ],
    };
  },

  layer(config, index): WeightPlan {
    const { hidden } = config;
    const prefix = `transformer.h.${index}`;
    const third = (part: number) => ({ total: 3 * hidden, row: (i: number) => part * hidden + i });
    const picks: Partial<Record<SiteName, Pick>> = { q: third(0), k: third(1), v: third(2) };
    return {
      vectors: {
        ...normPlan('attention_norm', `${prefix}.ln_1`, hidden),
        ...normPlan('feed_forward_norm', `${prefix}.ln_2`, hidden),
      },
      tables: {},
      projections: layerProjections(config, (site, outputs, inputs) =>
        projectionPlan(site, `${prefix}.${TENSORS[site]}`, outputs, inputs, {
          inputsFirst: true,
          pick: picks[site],
        }),
      ),
    };
  },

  async embed(run, hidden) {
    await run.frame.tables.tokens!.gather(run.sequence.tokens, hidden.data);
    await run.addPositions(hidden);
  },

  async block(run, hidden) {
    await normFirstBlock(
      run,
      hidden,
      'layerNorm',
      (x) => selfAttention(run, x, { causal: true }),
      (x) => feedForward(run, x, run.config.activation),
    );
  },

  async finish(run, hidden) {
    return run.layerNorm('norm', hidden);
  },
};
