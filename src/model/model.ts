import type { Checkpoint } from '../checkpoint/index.ts';
import { InputError, suggest } from '../errors.ts';
import type { Architecture } from './architecture.ts';
import { bert } from './bert.ts';
import { bloom } from './bloom.ts';
import { KeyValueCache } from './cache.ts';
import type { ModelConfig } from './config.ts';
import type { Datapath, Matrix } from './datapath.ts';
import { gpt2 } from './gpt2.ts';
import { llama } from './llama.ts';
import { opt } from './opt.ts';
import { Run, type Sequence } from './run.ts';
import type { WeightStore } from './weights.ts';

/** Every architecture, in alphabetical order. A method's parameter types keep the concrete config to its own file. */
export const ARCHITECTURES: readonly Architecture[] = [
  bert,
  bloom,
  gpt2,
  llama,
  opt,
] as readonly Architecture[];

/** The architecture and checked configuration of a checkpoint. Throws InputError for a model that is not known. */
export function describeModel(checkpoint: Pick<Checkpoint, 'name' | 'config'>) {
  const type = checkpoint.config.model_type;
  const { quantization_config: quantized } = checkpoint.config;
  if (typeof quantized === 'object' && quantized !== null) {
    const method = (quantized as { quant_method?: unknown }).quant_method;
    throw new InputError(
      `the checkpoint is already quantised (${String(method ?? 'method not stated').slice(0, 40)})`,
      {
        place: { file: `${checkpoint.name}/config.json`, key: 'quantization_config' },
        note: 'give the checkpoint that it was made from; the machine file says how weights are encoded',
      },
    );
  }
  const architecture = ARCHITECTURES.find(({ modelTypes }) => modelTypes.includes(String(type)));
  if (!architecture) {
    const known = ARCHITECTURES.flatMap(({ modelTypes }) => modelTypes);
    throw new InputError(`unknown architecture ${JSON.stringify(type) ?? '(no model_type)'}`, {
      place: { file: `${checkpoint.name}/config.json`, key: 'model_type' },
      note: suggest(String(type), known),
    });
  }
  try {
    return { architecture, config: architecture.parse(checkpoint.config) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.message, {
      place: { ...error.place, file: `${checkpoint.name}/config.json` },
      ...(error.note === undefined ? {} : { note: error.note }),
    });
  }
}

/** A model on a datapath: one per worker thread, over weights that threads share. */
export class Model {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
  readonly datapath: Datapath;
  readonly #store: WeightStore;
  /** Called after each layer of `hidden`: a streamed pass takes long. */
  onLayer: ((done: number, total: number) => void) | undefined;

  constructor(architecture: Architecture, config: ModelConfig, store: WeightStore, datapath: Datapath) {
    this.architecture = architecture;
    this.config = config;
    this.datapath = datapath;
    this.#store = store;
  }

  /** An empty cache for a sequence of at most `capacity` tokens. */
  cache(capacity: number): KeyValueCache {
    return new KeyValueCache(this.config, capacity);
  }

  /**
   * The inputs of the head, [rows, width] for each sequence (one row for an encoder), in the kernel memory: mark before
   * and release after. Runs layer by layer over all sequences, so that a streamed layer is read once for all of them.
   */
  async hidden(sequences: readonly Sequence[]): Promise<Matrix[]> {
    const { architecture, config, datapath } = this;
    const { kernels } = datapath;
    const { frame } = this.#store;
    const states = sequences.map((sequence) => {
      this.#check(sequence);
      const rows = sequence.tokens.length;
      return {
        sequence,
        hidden: { data: kernels.floats(rows * config.hidden), rows, columns: config.hidden },
      };
    });
    for (const { sequence, hidden } of states) {
      const mark = kernels.mark();
      await architecture.embed(new Run(config, datapath, sequence, frame), hidden);
      kernels.release(mark);
    }
    for (let index = 0; index < config.layers; index++) {
      const layer = await this.#store.layer(index);
      for (const { sequence, hidden } of states) {
        const mark = kernels.mark();
        await architecture.block(new Run(config, datapath, sequence, frame, layer), hidden);
        kernels.release(mark);
      }
      this.onLayer?.(index + 1, config.layers);
    }
    const results: Matrix[] = [];
    for (const { sequence, hidden } of states) {
      results.push(await architecture.finish(new Run(config, datapath, sequence, frame), hidden));
      if (sequence.cache) sequence.cache.length += hidden.rows;
    }
    return results;
  }

  /** Logits [rows, vocabulary or labels] of inputs of the head, in the kernel memory. */
  async logits(hidden: Matrix): Promise<Matrix> {
    const run = new Run(this.config, this.datapath, { tokens: [] }, this.#store.frame);
    const [logits] = (await run.project(hidden, this.architecture.head)) as [Matrix];
    return logits;
  }

  #check({ tokens, cache }: Sequence): void {
    const total = (cache?.length ?? 0) + tokens.length;
    if (tokens.length === 0) throw new InputError('the text is empty: expected at least one token');
    if (total > this.config.context) {
      throw new InputError(`${total} tokens; the model's context holds ${this.config.context}`, {
        note: 'cut the text or give a smaller --context',
      });
    }
  }
}
