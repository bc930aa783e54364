import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TensorSource, writeWeights } from '../src/checkpoint/index.ts';
import { type Architecture, describeModel, type ModelConfig, type WeightPlan } from '../src/model/index.ts';
import { philox, uniform } from '../src/tensor/index.ts';

export type StorageType = 'F32' | 'BF16';

/** GPT-2 small's shape (124 M parameters). */
export const GPT2_SMALL = {
  model_type: 'gpt2',
  n_embd: 768,
  n_layer: 12,
  n_head: 12,
  vocab_size: 50257,
  n_positions: 1024,
};

/** LLaMA 7B's shape (6.7 G parameters). */
export const LLAMA_7B = {
  model_type: 'llama',
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  vocab_size: 32000,
  max_position_embeddings: 2048,
};

/** Values drawn once and repeated: what they are changes no speed. */
const BLOCK = 1 << 20;

/**
 * Writes a checkpoint of random weights in the Hugging Face layout, tensor by tensor, with a byte-level tokenizer that
 * knows nothing but bytes.
 */
export async function writeSyntheticCheckpoint(
  folder: string,
  config: Record<string, unknown>,
  dtype: StorageType,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { architecture, config: parsed } = describeModel({ name: folder, config });
  const block = randomBlock(dtype);
  await writeWeights(folder, tensorSources(architecture, parsed, dtype, block));
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(byteTokenizer()));
}

function* tensorSources(
  architecture: Architecture,
  config: ModelConfig,
  dtype: StorageType,
  block: Uint8Array,
): Generator<TensorSource> {
  const written = new Set<string>();
  const plans = [architecture.frame(config)];
  for (let i = 0; i < config.layers; i++) plans.push(architecture.layer(config, i));
  for (const plan of plans) {
    for (const [name, shape] of shapesOf(plan)) {
      if (written.has(name)) continue;
      written.add(name);
      const total = shape.reduce((a, b) => a * b, dtype === 'F32' ? 4 : 2);
      yield {
        name,
        dtype,
        shape,
        async write(emit) {
          for (let done = 0; done < total; done += block.length) await emit(block.subarray(0, total - done));
        },
      };
    }
  }
}

function* shapesOf(plan: WeightPlan): Generator<[string, number[]]> {
  for (const { tensor, rows, columns } of Object.values(plan.tables)) yield [tensor, [rows, columns]];
  for (const { tensor, length, pick } of Object.values(plan.vectors)) yield [tensor, [pick?.total ?? length]];
  for (const { tensor, outputs, inputs, inputsFirst, pick, bias } of plan.projections.flat()) {
    const total = pick?.total ?? outputs;
    yield [tensor, inputsFirst ? [inputs, total] : [total, inputs]];
    if (bias) yield [bias.tensor, [bias.pick?.total ?? bias.length]];
  }
}

/** Uniform values of standard deviation 0.02, the usual initialisation's. */
function randomBlock(dtype: StorageType): Uint8Array {
  const values = new Float32Array(BLOCK);
  for (let i = 0; i < BLOCK; i += 2) {
    const [a, b, c, d] = philox([1, 0], [i, 0, 0, 0]);
    values[i] = (uniform(a, b) - 0.5) * 0.0693;
    values[i + 1] = (uniform(c, d) - 0.5) * 0.0693;
  }
  if (dtype === 'F32') return new Uint8Array(values.buffer);
  // The upper half of a float32 is the bfloat16 below it.
  return new Uint8Array(Uint16Array.from(new Uint32Array(values.buffer), (word) => word >>> 16).buffer);
}

function byteTokenizer() {
  // GPT-2's byte alphabet: printable bytes stand for themselves, the others for characters from U+0100 on.
  const vocab: Record<string, number> = {};
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    vocab[String.fromCharCode(printable ? byte : next++)] = byte;
  }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab,
      merges: [],
    },
  };
}
