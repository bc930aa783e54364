import type { Shape } from './shape.ts';

const LLAMA_1 = 'Touvron et al., "LLaMA", 2023, table 2';
const LLAMA_2 = 'config.json of meta-llama/Llama-2; Touvron et al., "Llama 2", 2023, table 1';
const LLAMA_3 =
  'config.json of meta-llama/Meta-Llama-3; Grattafiori et al., "The Llama 3 Herd of Models", 2024, table 3';

/** Sizes that differ between the models of a generation. `keyValueHeads` where they are fewer than the heads. */
interface Sizes {
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  keyValueHeads?: number;
}

const SEVEN: Sizes = { hidden: 4096, intermediate: 11008, layers: 32, heads: 32 };
const THIRTEEN: Sizes = { hidden: 5120, intermediate: 13824, layers: 40, heads: 40 };
const SEVENTY: Sizes = { hidden: 8192, intermediate: 28672, layers: 80, heads: 64, keyValueHeads: 8 };

/** LLaMA 1 (context 2048), 2 (4096) and 3 (8192, a larger vocabulary). The paper's 33B is widely called 30B. */
export const llamaShapes: Record<string, Shape> = {
  'llama-7b': llama(SEVEN, 2048, 32000, LLAMA_1),
  'llama-13b': llama(THIRTEEN, 2048, 32000, LLAMA_1),
  'llama-30b': llama({ hidden: 6656, intermediate: 17920, layers: 60, heads: 52 }, 2048, 32000, LLAMA_1),
  'llama-65b': llama({ hidden: 8192, intermediate: 22016, layers: 80, heads: 64 }, 2048, 32000, LLAMA_1),
  'llama-2-7b': llama(SEVEN, 4096, 32000, LLAMA_2),
  'llama-2-13b': llama(THIRTEEN, 4096, 32000, LLAMA_2),
  'llama-2-70b': llama(SEVENTY, 4096, 32000, LLAMA_2),
  'llama-3-8b': llama(
    { hidden: 4096, intermediate: 14336, layers: 32, heads: 32, keyValueHeads: 8 },
    8192,
    128256,
    LLAMA_3,
  ),
  'llama-3-70b': llama(SEVENTY, 8192, 128256, LLAMA_3),
};

function llama(sizes: Sizes, context: number, vocabulary: number, source: string): Shape {
  return {
    config: {
      model_type: 'llama',
      hidden_size: sizes.hidden,
      intermediate_size: sizes.intermediate,
      num_hidden_layers: sizes.layers,
      num_attention_heads: sizes.heads,
      num_key_value_heads: sizes.keyValueHeads ?? sizes.heads,
      vocab_size: vocabulary,
      max_position_embeddings: context,
    },
    source,
  };
}
