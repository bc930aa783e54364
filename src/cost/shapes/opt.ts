import type { Shape } from './shape.ts';

export const optShapes: Record<string, Shape> = {
  'opt-125m': opt(768, 12, 12, '125m'),
  // The one whose embeddings are narrower than its layers.
  'opt-350m': opt(1024, 24, 16, '350m', { word_embed_proj_dim: 512, do_layer_norm_before: false }),
  'opt-1.3b': opt(2048, 24, 32, '1.3b'),
  'opt-2.7b': opt(2560, 32, 32, '2.7b'),
  'opt-6.7b': opt(4096, 32, 32, '6.7b'),
  'opt-13b': opt(5120, 40, 40, '13b'),
  'opt-30b': opt(7168, 48, 56, '30b'),
  'opt-66b': opt(9216, 64, 72, '66b'),
  // Weights on request only: sizes from the paper, the vocabulary of the others.
  'opt-175b': opt(12288, 96, 96),
};

function opt(
  hidden: number,
  layers: number,
  heads: number,
  checkpoint?: string,
  more: Record<string, unknown> = {},
): Shape {
  const paper = 'Zhang et al., "OPT", 2022, table 1';
  return {
    config: {
      model_type: 'opt',
      hidden_size: hidden,
      ffn_dim: 4 * hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      vocab_size: 50272,
      max_position_embeddings: 2048,
      ...more,
    },
    source: checkpoint ? `config.json of facebook/opt-${checkpoint}; ${paper}` : paper,
  };
}
