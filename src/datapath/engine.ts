import type {
  Attention,
  AttentionBlock,
  Matrix,
  PreparedWeight,
  Projection,
  Site,
  WeightMatrix,
} from '../model/index.ts';

/** Fills scores [block.rows, block.keys]. */
export type ScoreProduct = (block: AttentionBlock, scores: Float32Array) => Promise<void>;
/** Fills context [block.rows, d] from probabilities [block.rows, block.keys], which it may overwrite. */
export type ContextProduct = (
  block: AttentionBlock,
  probabilities: Float32Array,
  context: Float32Array,
) => Promise<void>;

/**
 * One kind of arithmetic: how a product's operands are encoded, multiplied, accumulated and decoded. An encoded operand
 * belongs to the engine that made it.
 */
export interface Engine<Encoded = unknown, Weight extends PreparedWeight = PreparedWeight> {
  /** Sums so far that the accumulator did not hold. */
  readonly overflows?: number;
  /** The codes of a probability depend on others than those that its query sees: its group must not be parted. */
  readonly wholeContexts?: boolean;
  /** Encodes the weights of sites that share an input. */
  prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Weight[] | Promise<Weight[]>;
  /** Encodes the input of a site; a site's weight may say how (SmoothQuant's factors). */
  encode(site: Site, input: Matrix, weight: Weight): Encoded;
  /** Multiplies, accumulates and decodes into projection.output, bias added. */
  multiply(input: Encoded, projection: Projection): Promise<void>;
  /** What a GEMM that reads the output receives, in place. */
  requantize?(projection: Projection): void;
  /** Encodes both operands of queries · keysᵀ. */
  scores(attention: Attention): ScoreProduct;
  /** Encodes the values of probabilities · values; probabilities come a block at a time. */
  context(attention: Attention): ContextProduct;
}
