import { z } from 'zod';
import type { Architecture } from './architecture.ts';
import { selfAttention } from './attention.ts';
import { normFirstBlock } from './block.ts';
import {
  type Activation,
  activation,
  epsilon,
  headCount,
  layerCount,
  MAX_HEAD_SIZE,
  type ModelConfig,
  readConfig,
  requireConfig,
  size,
} from './config.ts';
import type { Matrix } from './datapath.ts';
import { gatedFeedForward } from './feed-forward.ts';
import { projectionPlan, type WeightPlan } from './plan.ts';
import { ropeFrequencies, ropeScaling, ropeTables } from './rope.ts';
import type { Run } from './run.ts';
import type { SiteName } from './site.ts';

interface LlamaConfig extends ModelConfig {
  activation: Activation;
  tied: boolean;
  /** Biases of q, k and v; of o; of gate, up and down. */
  biases: { qkv: boolean; o: boolean; feedForward: boolean };
  /** RMSNorm of each head's queries and keys (Qwen3). */
  queryKeyNorm: boolean;
  frequencies: Float32Array;
  /** Positions that a query sees, by layer; undefined: all. */
  windows: (number | undefined)[];
}

const schema = z.object({
  model_type: z.string(),
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: headCount,
  num_key_value_heads: headCount.optional(),
  head_dim: size.optional(),
  vocab_size: size,
  max_position_embeddings: size.default(2048),
  rms_norm_eps: epsilon.default(1e-6),
  hidden_act: activation.default('silu'),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  rope_theta: z.number().positive().default(10000),
  rope_scaling: ropeScaling.optional(),
  /** Where transformers 5 keeps rope_theta and rope_scaling. */
  rope_parameters: ropeScaling.optional(),
  sliding_window: size.optional(),
  use_sliding_window: z.boolean().optional(),
  max_window_layers: z.int().min(0).optional(),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).optional(),
});

type Json = z.infer<typeof schema>;

/** LLaMA 1, 2, 3; Mistral and Qwen2/3 by configuration. Pre-norm, RMSNorm, rope, grouped heads, SwiGLU. */
export const llama: Architecture<LlamaConfig> = {
  name: 'llama',
  modelTypes: ['llama', 'mistral', 'qwen2', 'qwen3'],
  kind: 'decoder',
  head: 'lm_head',

  parse(json) {
    const config = readConfig(schema, json);
    const { hidden_size: hidden, num_attention_heads: heads } = config;
    const keyValueHeads = config.num_key_value_heads ?? heads;
    requireConfig(
      heads % keyValueHeads === 0,
      'num_key_value_heads',
      `expected a divisor of num_attention_heads ${heads}, found ${keyValueHeads}`,
    );
    const headSize = config.head_dim ?? hidden / heads;
    requireConfig(
      Number.isInteger(headSize) && headSize % 2 === 0 && headSize <= MAX_HEAD_SIZE,
      config.head_dim ? 'head_dim' : 'num_attention_heads',
      `expected heads of an even size up to ${MAX_HEAD_SIZE}, found ${headSize}`,
    );
    const rope = config.rope_parameters ?? config.rope_scaling;
    const qwen2 = config.model_type === 'qwen2';
    return {
      layers: config.num_hidden_layers,
      hidden,
      heads,
      keyValueHeads,
      headSize,
      intermediate: config.intermediate_size,
      vocabulary: config.vocab_size,
      context: config.max_position_embeddings,
      epsilon: config.rms_norm_eps,
      activation: config.hidden_act,
      tied: config.tie_word_embeddings,
      biases: {
        qkv: qwen2 || config.attention_bias,
        o: !qwen2 && config.attention_bias,
        feedForward: config.mlp_bias,
      },
      queryKeyNorm: config.model_type === 'qwen3',
      frequencies: ropeFrequencies(headSize, rope?.rope_theta ?? config.rope_theta, rope),
      windows: slidingWindows(config),
    };
  },

  aliases: (tensor) => [tensor.replace(/^model\./, '')],

  frame(config): WeightPlan {
    const { vocabulary, hidden, tied } = config;
    const embeddings = 'model.embed_tokens.weight';
    return {
      vectors: { 'norm.gain': { tensor: 'model.norm.weight', length: hidden } },
      tables: { tokens: { tensor: embeddings, rows: vocabulary, columns: hidden } },
      projections: [
        [
          {
            site: 'lm_head',
            tensor: tied ? embeddings : 'lm_head.weight',
            outputs: vocabulary,
            inputs: hidden,
          },
        ],
      ],
    };
  },

  layer(config, index): WeightPlan {
    const { hidden, intermediate, heads, keyValueHeads, headSize, biases } = config;
    const prefix = `model.layers.${index}`;
    const projection = (site: SiteName, part: string, outputs: number, inputs: number, bias: boolean) =>
      projectionPlan(site, `${prefix}.${part}`, outputs, inputs, { bias });
    const gain = (part: string, length: number) => ({ tensor: `${prefix}.${part}.weight`, length });
    return {
      vectors: {
        'attention_norm.gain': gain('input_layernorm', hidden),
        'feed_forward_norm.gain': gain('post_attention_layernorm', hidden),
        ...(config.queryKeyNorm && {
          'q_norm.gain': gain('self_attn.q_norm', headSize),
          'k_norm.gain': gain('self_attn.k_norm', headSize),
        }),
      },
      tables: {},
      projections: [
        [
          projection('q', 'self_attn.q_proj', heads * headSize, hidden, biases.qkv),
          projection('k', 'self_attn.k_proj', keyValueHeads * headSize, hidden, biases.qkv),
          projection('v', 'self_attn.v_proj', keyValueHeads * headSize, hidden, biases.qkv),
        ],
        [projection('o', 'self_attn.o_proj', hidden, heads * headSize, biases.o)],
        [
          projection('gate', 'mlp.gate_proj', intermediate, hidden, biases.feedForward),
          projection('up', 'mlp.up_proj', intermediate, hidden, biases.feedForward),
        ],
        [projection('down', 'mlp.down_proj', hidden, intermediate, biases.feedForward)],
      ],
    };
  },

  async embed(run, hidden) {
    await run.frame.tables.tokens!.gather(run.sequence.tokens, hidden.data);
  },

  async block(run, hidden) {
    const { config } = run;
    await normFirstBlock(
      run,
      hidden,
      'rmsNorm',
      (x) =>
        selfAttention(run, x, {
          causal: true,
          window: config.windows[run.layer!.index],
          prepare: (queries, keys) => rotate(run, queries, keys),
        }),
      (x) => gatedFeedForward(run, x, config.activation),
    );
  },

  async finish(run, hidden) {
    return run.rmsNorm('norm', hidden);
  },
};

function rotate(run: Run<LlamaConfig>, queries: Matrix, keys: Matrix): void {
  const { kernels, config } = run;
  if (config.queryKeyNorm) {
    // The gain is one head's; a matrix of heads is as many rows of that length.
    run.rmsNorm('q_norm', queries);
    run.rmsNorm('k_norm', keys);
  }
  const { cosine, sine } = ropeTables(config.frequencies, run.start, run.rows);
  const [c, s] = [kernels.load(cosine), kernels.load(sine)];
  kernels.rope(queries.data, c, s, { heads: config.heads, headSize: config.headSize });
  kernels.rope(keys.data, c, s, { heads: config.keyValueHeads, headSize: config.headSize });
}

/** Mistral slides in every layer; Qwen only where it is switched on, from layer max_window_layers or as listed. */
function slidingWindows(config: Json): (number | undefined)[] {
  const { sliding_window: window, layer_types: types } = config;
  return Array.from({ length: config.num_hidden_layers }, (_, layer) => {
    if (!window) return undefined;
    if (types) return types[layer] === 'sliding_attention' ? window : undefined;
    if (config.model_type === 'mistral') return window;
    return config.use_sliding_window && layer >= (config.max_window_layers ?? 0) ? window : undefined;
  });
}
