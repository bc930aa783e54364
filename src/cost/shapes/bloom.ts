import type { Shape } from './shape.ts';

export const bloomShapes: Record<string, Shape> = {
  'bloom-7b1': {
    config: {
      model_type: 'bloom',
      hidden_size: 4096,
      n_layer: 30,
      n_head: 32,
      vocab_size: 250880,
      seq_length: 2048,
    },
    source: 'config.json of bigscience/bloom-7b1; BigScience, "BLOOM", 2022, table 3',
  },
};
