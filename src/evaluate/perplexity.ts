import { InputError } from '../errors.ts';
import { summarizeDivergence } from './divergence.ts';
import { readDocuments } from './documents.ts';
import { checkOutcomes, type ResultBase, type ScoreMetric } from './metric.ts';
import type { Score, ScoreRequest } from './request.ts';
import { sequenceEncoder } from './sequences.ts';

export interface PerplexityResult extends ResultBase {
  metric: 'perplexity';
  /** exp(nll / tokens). */
  perplexity: number;
  /** Total natural-log loss over all predictions, in nats. */
  nll: number;
  /** nll / tokens. */
  meanNll: number;
  /** Predictions; BOS is not predicted. */
  tokens: number;
  /** Documents scored. */
  documents: number;
  /** Documents with nothing to predict. */
  dropped: number;
  /** Documents cut at the context. */
  truncated: number;
  /** Tokens beyond the context, not scored. */
  cutTokens: number;
}

/**
 * Perplexity of documents scored apart: each is stripped of surrounding white space, tokenised, started from BOS and
 * cut at the context, BOS included. A document's first token is predicted from BOS; where the model has none, it is
 * context only.
 */
export const perplexity: ScoreMetric<PerplexityResult> = {
  name: 'perplexity',
  kind: 'score',
  summary: 'perplexity of documents, each scored apart from BOS and cut at the context',
  options: ['bos', 'column', 'split'],
  prepare(data, tokenizer, options) {
    const { documents, empty, warnings } = readDocuments(data, options);
    const encoder = sequenceEncoder(tokenizer, options);
    const requests: ScoreRequest[] = [];
    let dropped = empty;
    let truncated = 0;
    let cutTokens = 0;
    for (const { text, ...place } of documents) {
      const tokens = encoder.encode(text, place);
      if (tokens.length < 2) {
        dropped++;
        continue;
      }
      if (tokens.length > options.context) {
        truncated++;
        cutTokens += tokens.length - options.context;
      }
      requests.push({ tokens: tokens.slice(0, options.context), from: 1 });
    }
    if (requests.length === 0) {
      throw new InputError('nothing to predict: every document is a single token', {
        place: { file: data.file },
      });
    }
    if (truncated > 0) {
      warnings.push(
        `${data.file}: ${cutTokens.toLocaleString('en')} tokens in ${truncated} of ${requests.length} documents lie ` +
          `beyond the context of ${options.context} and are not scored (--rolling scores a whole text in chunks)`,
      );
    }
    return {
      kind: 'score',
      requests,
      warnings,
      reduce(scores) {
        checkOutcomes(requests, scores);
        const { nll, tokens } = totalLoss(scores);
        const value = Math.exp(nll / tokens);
        const divergence = summarizeDivergence(scores);
        return {
          metric: 'perplexity',
          headline: { name: 'perplexity', value, better: 'lower' },
          perplexity: value,
          nll,
          meanNll: nll / tokens,
          tokens,
          documents: requests.length,
          dropped,
          truncated,
          cutTokens,
          ...(divergence && { divergence }),
        };
      },
    };
  },
};

/** Sum and number of all losses, in order. */
export function totalLoss(scores: readonly Score[]): { nll: number; tokens: number } {
  let nll = 0;
  let tokens = 0;
  for (const score of scores) {
    for (const loss of score.nll) nll += loss;
    tokens += score.nll.length;
  }
  return { nll, tokens };
}
