import type { ModelConfig } from './config.ts';
import type { Matrix } from './datapath.ts';
import type { WeightPlan } from './plan.ts';
import type { Run } from './run.ts';

/** One family of models: how its config is read, which tensors it has, how it computes. Written for float32. */
export interface Architecture<C extends ModelConfig = ModelConfig> {
  readonly name: string;
  /** Values of config.json's `model_type` that it covers. */
  readonly modelTypes: readonly string[];
  readonly kind: 'decoder' | 'encoder';
  /** Checks config.json and completes its defaults. Throws InputError with the key at fault. */
  parse(config: Record<string, unknown>): C;
  /** Other spellings of a tensor's name, in the order to try them. */
  aliases?(tensor: string): string[];
  /** Everything outside the layers; the projections include the head (`lm_head` or `classifier`). */
  frame(config: C): WeightPlan;
  layer(config: C, index: number): WeightPlan;
  /** Writes the embeddings of the run's tokens into hidden [rows, config.hidden]. */
  embed(run: Run<C>, hidden: Matrix): Promise<void>;
  /** One layer, in place. */
  block(run: Run<C>, hidden: Matrix): Promise<void>;
  /** From the last layer's output to the input of the head. */
  finish(run: Run<C>, hidden: Matrix): Promise<Matrix>;
  /** The site of the head. */
  readonly head: 'lm_head' | 'classifier';
}
