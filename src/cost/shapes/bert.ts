import type { Shape } from './shape.ts';

/** BERT with a classifier of two labels. */
export const bertShapes: Record<string, Shape> = {
  'bert-base': bert(768, 12, 12, 'google-bert/bert-base-uncased'),
  'bert-large': bert(1024, 24, 16, 'google-bert/bert-large-uncased'),
};

function bert(hidden: number, layers: number, heads: number, checkpoint: string): Shape {
  return {
    config: {
      model_type: 'bert',
      hidden_size: hidden,
      intermediate_size: 4 * hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      vocab_size: 30522,
      max_position_embeddings: 512,
    },
    source: `config.json of ${checkpoint}; Devlin et al., NAACL 2019, section 3`,
  };
}
