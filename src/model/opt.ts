import { z } from 'zod';
import type { Architecture } from './architecture.ts';
import { selfAttention } from './attention.ts';
import { normFirstBlock, normLastBlock } from './block.ts';
import {
  type Activation,
  activation,
  equalHeads,
  headCount,
  layerCount,
  type ModelConfig,
  readConfig,
  requireConfig,
  size,
} from './config.ts';
import type { Matrix } from './datapath.ts';
import { feedForward } from './feed-forward.ts';
import { layerProjections, normPlan, type ProjectionPlan, projectionPlan, type WeightPlan } from './plan.ts';

interface OptConfig extends ModelConfig {
  activation: Activation;
  tied: boolean;
  /** Norms stand before their sublayer (all sizes but 350M) or after it. */
  normFirst: boolean;
  finalNorm: boolean;
  /** Width of the embeddings; projected where it is not `hidden` (350M). */
  embedding: number;
  bias: boolean;
}

const schema = z.object({
  hidden_size: size,
  ffn_dim: size,
  num_hidden_layers: layerCount,
  num_attention_heads: headCount,
  vocab_size: size,
  max_position_embeddings: size.default(2048),
  activation_function: activation.default('relu'),
  tie_word_embeddings: z.boolean().default(true),
  do_layer_norm_before: z.boolean().default(true),
  _remove_final_layer_norm: z.boolean().default(false),
  word_embed_proj_dim: size.optional(),
  enable_bias: z.boolean().default(true),
  layer_norm_elementwise_affine: z.boolean().default(true),
});

/** The position table starts with two rows that transformers never looks up for unpadded text. */
const POSITION_OFFSET = 2;

/** Weights of a layer's sites. */
const TENSORS = {
  q: 'self_attn.q_proj',
  k: 'self_attn.k_proj',
  v: 'self_attn.v_proj',
  o: 'self_attn.out_proj',
  fc1: 'fc1',
  fc2: 'fc2',
} as const;

/** OPT: learned positions, LayerNorm, ReLU. */
export const opt: Architecture<OptConfig> = {
  name: 'opt',
  modelTypes: ['opt'],
  kind: 'decoder',
  head: 'lm_head',

  parse(json) {
    const config = readConfig(schema, json);
    const { hidden_size: hidden, num_attention_heads: heads } = config;
    requireConfig(
      config.layer_norm_elementwise_affine,
      'layer_norm_elementwise_affine',
      'norms without gain and bias (Galactica) are not supported',
    );
    return {
      layers: config.num_hidden_layers,
      hidden,
      ...equalHeads(hidden, heads, 'num_attention_heads'),
      intermediate: config.ffn_dim,
      vocabulary: config.vocab_size,
      context: config.max_position_embeddings,
      epsilon: 1e-5,
      activation: config.activation_function,
      tied: config.tie_word_embeddings,
      normFirst: config.do_layer_norm_before,
      finalNorm: config.do_layer_norm_before && !config._remove_final_layer_norm,
      embedding: config.word_embed_proj_dim ?? hidden,
      bias: config.enable_bias,
    };
  },

  aliases: (tensor) => [tensor.replace(/^model\./, ''), tensor.replace(/^model\.decoder\./, '')],

  frame(config): WeightPlan {
    const { vocabulary, hidden, embedding, context } = config;
    const tokens = 'model.decoder.embed_tokens.weight';
    const projections: ProjectionPlan[][] = [
      [
        {
          site: 'lm_head',
          tensor: config.tied ? tokens : 'lm_head.weight',
          outputs: vocabulary,
          inputs: embedding,
        },
      ],
    ];
    if (embedding !== hidden) {
      projections.push(
        [
          {
            site: 'project_in',
            tensor: 'model.decoder.project_in.weight',
            outputs: hidden,
            inputs: embedding,
          },
        ],
        [
          {
            site: 'project_out',
            tensor: 'model.decoder.project_out.weight',
            outputs: embedding,
            inputs: hidden,
          },
        ],
      );
    }
    return {
      vectors: config.finalNorm ? normPlan('norm', 'model.decoder.final_layer_norm', hidden) : {},
      tables: {
        tokens: { tensor: tokens, rows: vocabulary, columns: embedding },
        positions: {
          tensor: 'model.decoder.embed_positions.weight',
          rows: context + POSITION_OFFSET,
          columns: hidden,
        },
      },
      projections,
    };
  },

  layer(config, index): WeightPlan {
    const { hidden, bias } = config;
    const prefix = `model.decoder.layers.${index}`;
    return {
      vectors: {
        ...normPlan('attention_norm', `${prefix}.self_attn_layer_norm`, hidden),
        ...normPlan('feed_forward_norm', `${prefix}.final_layer_norm`, hidden),
      },
      tables: {},
      projections: layerProjections(config, (site, outputs, inputs) =>
        projectionPlan(site, `${prefix}.${TENSORS[site]}`, outputs, inputs, { bias }),
      ),
    };
  },

  async embed(run, hidden) {
    const { config } = run;
    const tokens = run.frame.tables.tokens!;
    if (config.embedding === config.hidden) {
      await tokens.gather(run.sequence.tokens, hidden.data);
    } else {
      const narrow = run.matrix(config.embedding);
      await tokens.gather(run.sequence.tokens, narrow.data);
      const [wide] = (await run.project(narrow, 'project_in')) as [Matrix];
      hidden.data.set(wide.data);
    }
    await run.addPositions(hidden, POSITION_OFFSET);
  },

  async block(run, hidden) {
    const block = run.config.normFirst ? normFirstBlock : normLastBlock;
    await block(
      run,
      hidden,
      'layerNorm',
      (x) => selfAttention(run, x, { causal: true }),
      (x) => feedForward(run, x, run.config.activation),
    );
  },

  async finish(run, hidden) {
    if (run.config.finalNorm) run.layerNorm('norm', hidden);
    if (run.config.embedding === run.config.hidden) return hidden;
    const [narrow] = (await run.project(hidden, 'project_out')) as [Matrix];
    return narrow;
  },
};
