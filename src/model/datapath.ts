import type { Kernels } from '../kernels/index.ts';
import type { Site } from './site.ts';

/** A dense row-major matrix in a kernel memory. */
export interface Matrix {
  data: Float32Array;
  rows: number;
  columns: number;
}

/** Some rows of a matrix, in place. */
export function rowsOf({ data, columns }: Matrix, from: number, rows: number): Matrix {
  return { data: data.subarray(from * columns, (from + rows) * columns), rows, columns };
}

/** A weight as the checkpoint means it: float32 [outputs, inputs] in any buffer. */
export interface WeightMatrix {
  data: Float32Array;
  outputs: number;
  inputs: number;
}

/**
 * A weight as a datapath keeps it. Plain data over SharedArrayBuffers: worker threads receive it without a copy.
 * What else it holds is the datapath's own affair.
 */
export interface PreparedWeight {
  readonly outputs: number;
  readonly inputs: number;
}

/** One product of an input with a weight. */
export interface Projection {
  site: Site;
  weight: PreparedWeight;
  /** [outputs], any buffer; added after decoding. */
  bias?: Float32Array | undefined;
  /** [rows, outputs]. */
  output: Matrix;
}

/** A part of an attention that is computed at once: rows of one head, or all of a group. */
export interface AttentionBlock {
  group: number;
  /** First row among the group's m. */
  first: number;
  rows: number;
  /** Keys 0 .. keys - 1 take part. */
  keys: number;
}

/** The operands of one attention, in a kernel memory. */
export interface Attention {
  qk: Site;
  sv: Site;
  /** [groups, m, d]: a group is a key/value head, m the query rows of all its query heads, head by head. */
  queries: Float32Array;
  /** [groups, n, d]. */
  keys: Float32Array;
  /** [groups, n, d]. */
  values: Float32Array;
  groups: number;
  m: number;
  n: number;
  d: number;
  /** Query rows of one head; m is a multiple of it. */
  rows: number;
  /** Row r of a head sees keys 0 .. n - rows + r only: the products beyond may be left out. */
  causal: boolean;
  /** Turns the scores [block.rows, block.keys] into probabilities in place; scaling and masking are its affair. */
  softmax(scores: Float32Array, block: AttentionBlock): void;
  /** Out: [groups, m, d]. */
  context: Float32Array;
}

/**
 * How a machine computes the matrix products of a model. What is not a GEMM site (norms, softmax, activations,
 * residual sums) stays in float32 in the model.
 *
 * The interface lies in `model/`, which calls it; `datapath/` implements it.
 */
export interface Datapath {
  readonly kernels: Kernels;
  /** Sums so far that their accumulator did not hold, where the machine's operands can do that. */
  readonly overflows?: number;
  /** Encodes the weights of sites that share an input, once, when their layer is loaded. */
  prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Promise<PreparedWeight[]>;
  /** output = input · weightᵀ + bias for sites that share an input, which is encoded once where it can be. */
  project(input: Matrix, projections: readonly Projection[]): Promise<void>;
  /** context = softmax(queries · keysᵀ) · values, a group at a time. */
  attend(attention: Attention): Promise<void>;
}
