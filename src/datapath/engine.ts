import type { Attention, Matrix, PreparedWeight, Projection, Site, WeightMatrix } from '../model/index.ts';

/** Scores of a group of query rows: fills scores [m, n]. */
export type ScoreProduct = (group: number, scores: Float32Array) => Promise<void>;
/** Context of a group: fills context [m, d] from probabilities [m, n], which it may overwrite. */
export type ContextProduct = (
  group: number,
  probabilities: Float32Array,
  context: Float32Array,
) => Promise<void>;

/**
 * One kind of arithmetic: how a product's operands are encoded, multiplied, accumulated and decoded. An encoded operand
 * belongs to the engine that made it.
 */
export interface Engine<Encoded = unknown, Weight extends PreparedWeight = PreparedWeight> {
  /** Encodes the weights of sites that share an input. */
  prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Weight[];
  /** Encodes the input of a site; a site's weight may say how (SmoothQuant's factors). */
  encode(site: Site, input: Matrix, weight: Weight): Encoded;
  /** Multiplies, accumulates and decodes into projection.output, bias added. */
  multiply(input: Encoded, projection: Projection): Promise<void>;
  /** Encodes both operands of queries · keysᵀ. */
  scores(attention: Attention): ScoreProduct;
  /** Encodes the values of probabilities · values; probabilities come a group at a time. */
  context(attention: Attention): ContextProduct;
}
