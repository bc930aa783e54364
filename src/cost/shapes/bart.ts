import type { Shape } from './shape.ts';

/** BART: an encoder and a decoder with attention over the encoder's output. */
export const bartShapes: Record<string, Shape> = {
  'bart-base': {
    config: {
      model_type: 'bart',
      d_model: 768,
      encoder_layers: 6,
      decoder_layers: 6,
      encoder_attention_heads: 12,
      decoder_attention_heads: 12,
      encoder_ffn_dim: 3072,
      decoder_ffn_dim: 3072,
      vocab_size: 50265,
      max_position_embeddings: 1024,
    },
    source: 'config.json of facebook/bart-base; Lewis et al., ACL 2020, section 4',
  },
};
