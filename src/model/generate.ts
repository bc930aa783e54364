import { philox, uniform } from '../tensor/index.ts';
import { rowsOf } from './datapath.ts';
import type { Model } from './model.ts';

export interface GenerateOptions {
  /** Most new tokens; fewer when one of `stops` comes or the context is full. */
  tokens: number;
  /** 0: the most likely token always; else logits are divided by it and sampled. */
  temperature?: number;
  seed?: number;
  /** Tokens that end the text, such as EOS; they are not yielded. */
  stops?: readonly number[] | undefined;
}

/** Yields new tokens one by one: the prompt at once, then one token a pass over a key/value cache. */
export async function* generate(
  model: Model,
  prompt: readonly number[],
  { tokens, temperature = 0, seed = 0, stops = [] }: GenerateOptions,
): AsyncGenerator<number> {
  const { kernels } = model.datapath;
  const cache = model.cache(prompt.length + tokens);
  let next: readonly number[] = prompt;
  const count = Math.min(tokens, model.config.context - prompt.length);
  for (let i = 0; i < count; i++) {
    const mark = kernels.mark();
    const [hidden] = await model.hidden([{ tokens: next, cache }]);
    const logits = (await model.logits(rowsOf(hidden!, hidden!.rows - 1, 1))).data;
    const token = temperature === 0 ? argMax(model, logits) : sample(logits, temperature, seed, i);
    kernels.release(mark);
    if (stops.includes(token)) return;
    yield token;
    next = [token];
  }
}

function argMax(model: Model, logits: Float32Array): number {
  const out = new Int32Array(1);
  model.datapath.kernels.argMax(out, logits, logits.length);
  return out[0]!;
}

/** A draw from softmax(logits / temperature) by inversion of the cumulated probabilities. */
function sample(logits: Float32Array, temperature: number, seed: number, step: number): number {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const [high, low] = philox([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0], [step, 0, 0, 0]);
  let left = uniform(high, low) * weights.reduce((a, b) => a + b, 0);
  for (let token = 0; token < weights.length; token++) {
    left -= weights[token]!;
    if (left < 0) return token;
  }
  return weights.length - 1;
}
