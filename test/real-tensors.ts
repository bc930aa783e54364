import { philox, uniform } from '../src/tensor/index.ts';
import { readTensors, sharedData } from './golden.ts';

/** A matrix in rows: of weights an output channel each, of activations a token each. */
export interface Matrix {
  name: string;
  rows: number;
  columns: number;
  data: Float32Array;
}

/**
 * The attention output projections of GPT-2 117M, twelve real matrices [outputs, inputs]. GPT-2's checkpoints have them
 * [inputs, outputs], so they are transposed here. Undefined, the reason printed, where the data are missing.
 */
export async function gpt2Projections(): Promise<Matrix[] | undefined> {
  const path = sharedData('tensors/gpt2-117m-attention-projections.safetensors');
  if (!path) return undefined;
  const tensors = await readTensors(path);
  return Array.from({ length: 12 }, (_, layer) => {
    const { shape, data } = tensors[`h.${layer}.attn.c_proj.weight`]!;
    const [inputs, outputs] = shape as [number, number];
    const transposed = Float32Array.from(
      data,
      (_, i) => data[(i % inputs) * outputs + Math.floor(i / inputs)]!,
    );
    return { name: `h.${layer}`, rows: outputs, columns: inputs, data: transposed };
  });
}

/** What a layer of OPT multiplies with weights: inputs of q, k and v (one tensor), of out_proj, of fc1 and of fc2. */
export const OPT_INPUTS = ['self_attn.q_proj', 'self_attn.out_proj', 'fc1', 'fc2'] as const;
export type OptInput = (typeof OPT_INPUTS)[number];

export interface OptActivations extends Matrix {
  input: OptInput;
  /** The largest magnitude of each channel. */
  largest: Float32Array;
}

/**
 * Synthetic activations [tokens, channels] with the real channel maxima of OPT-1.3B: a channel's values are independent
 * and normal with mean 0, below 0 cut to 0 in front of fc2 (OPT's ReLU), scaled so that the largest magnitude of its
 * tokens is the measured one. The shape of the distribution is assumed; its outlier channels are real.
 */
export async function* optActivations(
  layers: readonly number[],
  tokens = 128,
): AsyncGenerator<OptActivations, void> {
  const path = sharedData('tensors/opt-1.3b-activation-absmax.safetensors');
  if (!path) return;
  const maxima = await readTensors(path);
  for (const layer of layers) {
    for (const [kind, input] of OPT_INPUTS.entries()) {
      const name = `model.decoder.layers.${layer}.${input}`;
      const { data: largest } = maxima[name]!;
      const data = normals(layer * OPT_INPUTS.length + kind, tokens * largest.length);
      if (input === 'fc2') cutNegative(data);
      scaleColumns(data, largest);
      yield { name, input, rows: tokens, columns: largest.length, data, largest };
    }
  }
}

/** Standard normal values by Box and Muller; `stream` numbers independent sequences. */
function normals(stream: number, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const [a, b, c, d] = philox([0, stream], [i, 0, 0, 0]);
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(a, b)));
    const angle = 2 * Math.PI * uniform(c, d);
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

function cutNegative(data: Float32Array): void {
  for (const [i, value] of data.entries()) data[i] = Math.max(value, 0);
}

/** Each column times what gives it its largest magnitude; a column of zeros stays. */
function scaleColumns(data: Float32Array, largest: Float32Array): void {
  const columns = largest.length;
  const found = new Float32Array(columns);
  for (const [i, value] of data.entries())
    found[i % columns] = Math.max(found[i % columns]!, Math.abs(value));
  for (const [i, value] of data.entries())
    data[i] = (value * largest[i % columns]!) / (found[i % columns]! || 1);
}
