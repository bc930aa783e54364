import type { WorkloadGemm } from '../../cost/index.ts';

/** Of the paper's figures, in their order. */
export const MODELS = ['BERT-base', 'BERT-large', 'BART-base', 'GPT2-XL', 'BLOOM-7B1'] as const;
export type ModelName = (typeof MODELS)[number];

interface LayerStack {
  hidden: number;
  intermediate: number;
  layers: number;
  /** Layers that also attend to an encoder: four more products of hidden × hidden. */
  crossAttention: number;
}

/** From the models' config.json on Hugging Face. BART-base: 6 encoder and 6 decoder layers. */
const STACKS: Record<ModelName, LayerStack> = {
  'BERT-base': { hidden: 768, intermediate: 3072, layers: 12, crossAttention: 0 },
  'BERT-large': { hidden: 1024, intermediate: 4096, layers: 24, crossAttention: 0 },
  'BART-base': { hidden: 768, intermediate: 3072, layers: 12, crossAttention: 6 },
  'GPT2-XL': { hidden: 1600, intermediate: 6400, layers: 48, crossAttention: 0 },
  'BLOOM-7B1': { hidden: 4096, intermediate: 16384, layers: 30, crossAttention: 0 },
};

/** What the check cycles imply: `batch` sequences of 128 tokens at once. */
export const BATCH = 64;
export const SEQUENCE = 128;

/** The linear layers inside the model's layers: what OliVe quantises. Attention products and the head are not counted. */
export function linearLayers(model: ModelName): WorkloadGemm[] {
  const { hidden, intermediate, layers, crossAttention } = STACKS[model];
  const m = BATCH * SEQUENCE;
  return [
    { site: 'qkvo', m, k: hidden, n: hidden, count: 4 * (layers + crossAttention), weight: true },
    { site: 'fc1', m, k: hidden, n: intermediate, count: layers, weight: true },
    { site: 'fc2', m, k: intermediate, n: hidden, count: layers, weight: true },
  ];
}
