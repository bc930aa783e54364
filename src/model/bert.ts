import { z } from 'zod';
import { InputError } from '../errors.ts';
import type { Architecture } from './architecture.ts';
import { selfAttention } from './attention.ts';
import { normLastBlock } from './block.ts';
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
import { type Matrix, rowsOf } from './datapath.ts';
import { feedForward } from './feed-forward.ts';
import { layerProjections, normPlan, projectionPlan, type WeightPlan } from './plan.ts';

interface BertConfig extends ModelConfig {
  activation: Activation;
  segments: number;
  labels: number;
}

const schema = z.object({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: headCount,
  vocab_size: size,
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  layer_norm_eps: epsilon.default(1e-12),
  hidden_act: activation.default('gelu'),
  position_embedding_type: z.literal('absolute').default('absolute'),
  id2label: z.record(z.string(), z.unknown()).optional(),
  num_labels: size.optional(),
});

/** Weights of a layer's sites. */
const TENSORS = {
  q: 'attention.self.query',
  k: 'attention.self.key',
  v: 'attention.self.value',
  o: 'attention.output.dense',
  fc1: 'intermediate.dense',
  fc2: 'output.dense',
} as const;

/** BERT with a sequence-classification head: learned positions and segments, LayerNorm after each sublayer. */
export const bert: Architecture<BertConfig> = {
  name: 'bert',
  modelTypes: ['bert'],
  kind: 'encoder',
  head: 'classifier',

  parse(json) {
    const config = readConfig(schema, json);
    const { hidden_size: hidden, num_attention_heads: heads } = config;
    return {
      layers: config.num_hidden_layers,
      hidden,
      ...equalHeads(hidden, heads, 'num_attention_heads'),
      intermediate: config.intermediate_size,
      vocabulary: config.vocab_size,
      context: config.max_position_embeddings,
      epsilon: config.layer_norm_eps,
      activation: config.hidden_act,
      segments: config.type_vocab_size,
      // transformers leaves the key out for its default of two.
      labels: config.id2label ? Object.keys(config.id2label).length : (config.num_labels ?? 2),
    };
  },

  /** Checkpoints converted from TensorFlow call a norm's gain gamma and its bias beta. */
  aliases(tensor) {
    const old = tensor
      .replace(/LayerNorm\.weight$/, 'LayerNorm.gamma')
      .replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
    return [old, tensor.replace(/^bert\./, ''), old.replace(/^bert\./, '')];
  },

  frame(config): WeightPlan {
    const { hidden, vocabulary, context, segments, labels } = config;
    const embeddings = 'bert.embeddings';
    return {
      vectors: normPlan('embedding_norm', `${embeddings}.LayerNorm`, hidden),
      tables: {
        tokens: { tensor: `${embeddings}.word_embeddings.weight`, rows: vocabulary, columns: hidden },
        positions: { tensor: `${embeddings}.position_embeddings.weight`, rows: context, columns: hidden },
        segments: { tensor: `${embeddings}.token_type_embeddings.weight`, rows: segments, columns: hidden },
      },
      projections: [
        [projectionPlan('pooler', 'bert.pooler.dense', hidden, hidden)],
        [projectionPlan('classifier', 'classifier', labels, hidden)],
      ],
    };
  },

  layer(config, index): WeightPlan {
    const { hidden } = config;
    const prefix = `bert.encoder.layer.${index}`;
    return {
      vectors: {
        ...normPlan('attention_norm', `${prefix}.attention.output.LayerNorm`, hidden),
        ...normPlan('feed_forward_norm', `${prefix}.output.LayerNorm`, hidden),
      },
      tables: {},
      projections: layerProjections(config, (site, outputs, inputs) =>
        projectionPlan(site, `${prefix}.${TENSORS[site]}`, outputs, inputs),
      ),
    };
  },

  async embed(run, hidden) {
    const { tokens, segments } = run.frame.tables;
    if (run.sequence.cache)
      throw new InputError('an encoder sees its whole input at once; it cannot generate');
    await tokens!.gather(run.sequence.tokens, hidden.data);
    const segment = run.matrix(hidden.columns);
    await segments!.gather(run.sequence.types ?? new Uint8Array(run.rows), segment.data);
    run.kernels.add(hidden.data, segment.data);
    await run.addPositions(hidden);
    run.layerNorm('embedding_norm', hidden);
  },

  async block(run, hidden) {
    await normLastBlock(
      run,
      hidden,
      'layerNorm',
      (x) => selfAttention(run, x, { causal: false }),
      (x) => feedForward(run, x, run.config.activation),
    );
  },

  /** tanh of a dense layer over the first token, [CLS]. */
  async finish(run, hidden) {
    const [pooled] = (await run.project(rowsOf(hidden, 0, 1), 'pooler')) as [Matrix];
    run.kernels.tanh(pooled.data);
    return pooled;
  },
};
