import type { Shape } from './shape.ts';

export const gpt2Shapes: Record<string, Shape> = {
  gpt2: gpt2(768, 12, 12, 'openai-community/gpt2'),
  'gpt2-medium': gpt2(1024, 24, 16, 'openai-community/gpt2-medium'),
  'gpt2-large': gpt2(1280, 36, 20, 'openai-community/gpt2-large'),
  'gpt2-xl': gpt2(1600, 48, 25, 'openai-community/gpt2-xl'),
};

function gpt2(width: number, layers: number, heads: number, checkpoint: string): Shape {
  return {
    config: {
      model_type: 'gpt2',
      n_embd: width,
      n_layer: layers,
      n_head: heads,
      vocab_size: 50257,
      n_positions: 1024,
    },
    source: `config.json of ${checkpoint}; Radford et al., 2019, table 2`,
  };
}
