import type { ModelConfig } from './config.ts';

/**
 * Keys and values of the tokens that a decoder has seen, for all layers: [keyValueHeads, capacity, headSize] each.
 * They are kept in float32 as the model made them; a datapath encodes them when it reads them.
 */
export class KeyValueCache {
  /** Tokens stored in every layer. */
  length = 0;
  readonly capacity: number;
  readonly #layers: { keys: Float32Array; values: Float32Array }[];
  readonly #heads: number;
  readonly #size: number;

  constructor(config: ModelConfig, capacity: number) {
    this.capacity = Math.min(capacity, config.context);
    this.#heads = config.keyValueHeads;
    this.#size = config.headSize;
    const elements = this.#heads * this.capacity * this.#size;
    this.#layers = Array.from({ length: config.layers }, () => ({
      keys: new Float32Array(elements),
      values: new Float32Array(elements),
    }));
  }

  /** Stores new rows of a layer after the `length` that are there: keys and values [heads, rows, size]. */
  append(layer: number, keys: Float32Array, values: Float32Array, rows: number): void {
    if (this.length + rows > this.capacity) {
      throw new Error(`the cache holds ${this.capacity} tokens; ${this.length + rows} were asked for`);
    }
    const stored = this.#layers[layer]!;
    for (let head = 0; head < this.#heads; head++) {
      const from = head * rows * this.#size;
      const to = (head * this.capacity + this.length) * this.#size;
      stored.keys.set(keys.subarray(from, from + rows * this.#size), to);
      stored.values.set(values.subarray(from, from + rows * this.#size), to);
    }
  }

  /** Copies the first `rows` rows of every head into dense [heads, rows, size]. */
  read(layer: number, rows: number, keys: Float32Array, values: Float32Array): void {
    const stored = this.#layers[layer]!;
    const span = rows * this.#size;
    for (let head = 0; head < this.#heads; head++) {
      const from = head * this.capacity * this.#size;
      keys.set(stored.keys.subarray(from, from + span), head * span);
      values.set(stored.values.subarray(from, from + span), head * span);
    }
  }
}
