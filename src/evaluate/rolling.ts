import { InputError } from '../errors.ts';
import { summarizeDivergence } from './divergence.ts';
import { wholeText } from './documents.ts';
import { checkOutcomes, flag, itemLimit, type ResultBase, type ScoreMetric, wholeNumber } from './metric.ts';
import { totalLoss } from './perplexity.ts';
import type { ScoreRequest } from './request.ts';
import { sequenceEncoder } from './sequences.ts';

export interface RollingPerplexityResult extends ResultBase {
  metric: 'rolling-perplexity';
  /** exp(nll / tokens): the exponential of the mean over the chunks of a chunk's mean loss. */
  perplexity: number;
  /** Total natural-log loss over all predictions, in nats. */
  nll: number;
  /** nll / tokens. */
  meanNll: number;
  /** Predictions: chunks * (chunk - 1). */
  tokens: number;
  /** Tokens of a chunk. */
  chunk: number;
  chunks: number;
  /** Tokens of the text beyond the last chunk, not scored. */
  unusedTokens: number;
}

/**
 * Perplexity of a long text by consecutive chunks, as the code of GPTQ, SmoothQuant and ReaLM computes it: the whole
 * text is tokenised once (its start, and no chunk's, gets BOS) and cut into chunks of N tokens; each chunk is run
 * alone and predicts its tokens 2..N. Those codes weigh each chunk's mean loss over N - 1 predictions by N and divide
 * by all tokens, which is the mean of the means; all chunks being of one length, it is also nll / tokens.
 */
export const rollingPerplexity: ScoreMetric<RollingPerplexityResult> = {
  name: 'rolling-perplexity',
  kind: 'score',
  summary: 'perplexity of a whole text cut into chunks, as GPTQ, SmoothQuant and ReaLM measure it',
  options: ['bos', 'column', 'split', 'rolling', 'chunk', 'chunks'],
  prepare(data, tokenizer, options) {
    const { context } = options;
    const chunk = wholeNumber('chunk', options.chunk ?? context, 2);
    if (chunk > context) {
      throw new InputError(`a chunk of ${chunk} tokens does not fit the context of ${context}`, {
        place: { key: flag('chunk') },
      });
    }
    const wanted =
      options.chunks === undefined ? itemLimit(options) : wholeNumber('chunks', options.chunks, 1);
    const warnings: string[] = [];
    const text = wholeText(data, options, warnings);
    const tokens = sequenceEncoder(tokenizer, options).encode(text, { file: data.file });
    const filled = Math.floor(tokens.length / chunk);
    if (filled === 0) {
      throw new InputError(`the text's ${tokens.length} tokens do not fill one chunk of ${chunk}`, {
        place: { file: data.file },
        note: `choose a smaller ${flag('chunk')}, or score the text as documents`,
      });
    }
    if (options.chunks !== undefined && filled < options.chunks) {
      warnings.push(`${data.file}: the text fills ${filled} of ${options.chunks} chunks of ${chunk} tokens`);
    }
    const count = Math.min(filled, wanted);
    const requests: ScoreRequest[] = Array.from({ length: count }, (_, index) => ({
      tokens: tokens.slice(index * chunk, (index + 1) * chunk),
      from: 1,
    }));
    return {
      kind: 'score',
      requests,
      warnings,
      reduce(scores) {
        checkOutcomes(requests, scores);
        const { nll, tokens: predictions } = totalLoss(scores);
        const perplexity = Math.exp(nll / predictions);
        const divergence = summarizeDivergence(scores);
        return {
          metric: 'rolling-perplexity',
          headline: { name: 'perplexity', value: perplexity, better: 'lower' },
          perplexity,
          nll,
          meanNll: nll / predictions,
          tokens: predictions,
          chunk,
          chunks: count,
          unusedTokens: tokens.length - count * chunk,
          ...(divergence && { divergence }),
        };
      },
    };
  },
};
