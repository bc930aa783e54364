import type { Matrix } from './datapath.ts';
import type { Run } from './run.ts';
import type { SiteName } from './site.ts';

/** Sizes that every architecture has. Each architecture adds its own fields. */
export interface ModelConfig {
  layers: number;
  /** Width of the residual stream. */
  hidden: number;
  heads: number;
  keyValueHeads: number;
  headSize: number;
  /** Inner width of the feed-forward part. */
  intermediate: number;
  vocabulary: number;
  /** Most tokens of a sequence. */
  context: number;
  /** Classes of an encoder's head. */
  labels?: number;
  /** Added to a variance before its square root. */
  epsilon: number;
}

/** A vector kept in float32: a norm's gain, a bias. */
export interface VectorPlan {
  tensor: string;
  length: number;
  /** Tensor row that holds element i, where the checkpoint fuses or interleaves several vectors. */
  pick?: Pick;
}

/** Row of the fused tensor (of `total` rows) that holds row i of this part. */
export interface Pick {
  total: number;
  row(index: number): number;
}

/** A table whose rows are looked up: token and position embeddings. */
export interface TablePlan {
  tensor: string;
  rows: number;
  columns: number;
}

/** The weight of a GEMM site. */
export interface ProjectionPlan {
  site: SiteName;
  tensor: string;
  outputs: number;
  inputs: number;
  bias?: VectorPlan | undefined;
  /** The checkpoint stores [inputs, outputs] (GPT-2's Conv1D) instead of [outputs, inputs]. */
  inputsFirst?: boolean;
  pick?: Pick;
}

/** The tensors of one layer, or of everything outside the layers. */
export interface WeightPlan {
  vectors: Record<string, VectorPlan>;
  tables: Record<string, TablePlan>;
  /** Sites that share an input stand together. */
  projections: ProjectionPlan[][];
}

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
