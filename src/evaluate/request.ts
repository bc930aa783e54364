/** One sequence to run: the model predicts tokens[i] from the tokens before it, for every i in [from, tokens.length). */
export interface ScoreRequest {
  /** Ids in [0, vocabulary), at most as many as the context. */
  tokens: number[];
  /** At least 1: the first token is never predicted. */
  from: number;
}

/** What came out for one ScoreRequest; every array is [tokens.length - from]. */
export interface Score {
  /** Natural-log loss, -ln p(tokens[i]), in nats; NaN or Infinity where a broken machine says so. */
  nll: Float64Array;
  /** 1 where greedy decoding would have chosen the token. */
  correct: Uint8Array;
  /** KL(reference || machine) of the next-token distribution, in nats; only with a reference model. */
  divergence?: Float64Array;
  /** 1 where reference and machine choose the same token; only with a reference model. */
  agree?: Uint8Array;
}

/** One sequence for an encoder with a classification head. */
export interface ClassifyRequest {
  tokens: number[];
  /** Segment of each token (0 or 1); all 0 where it is missing. */
  types?: number[];
}

/** What came out for one ClassifyRequest. */
export interface ClassScore {
  /** [classes]. */
  logits: ArrayLike<number>;
  /** [classes], of the reference model, where there is one. */
  reference?: ArrayLike<number>;
}

export type Request = ScoreRequest | ClassifyRequest;
export type Outcome = Score | ClassScore;
