import { InputError } from '../errors.ts';
import { philox, uniform } from '../tensor/index.ts';
import { summarizeDivergence } from './divergence.ts';
import { wholeText } from './documents.ts';
import {
  checkOutcomes,
  flag,
  itemLimit,
  type MetricOptions,
  type ResultBase,
  type ScoreMetric,
  wholeNumber,
} from './metric.ts';
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
  /** Tokens of the text in no chunk. */
  unusedTokens: number;
}

/**
 * Perplexity of a long text by consecutive chunks, as the code of GPTQ, SmoothQuant and ReaLM computes it: the whole
 * text is tokenised once (its start, and no chunk's, gets BOS) and cut into chunks of N tokens; each chunk is run
 * alone and predicts its tokens 2..N. Those codes weigh each chunk's mean loss over N - 1 predictions by N and divide
 * by all tokens, which is the mean of the means; all chunks being of one length, it is also nll / tokens. With
 * `sequences` the chunks come from random places instead, as calibration data is drawn.
 */
export const rollingPerplexity: ScoreMetric<RollingPerplexityResult> = {
  name: 'rolling-perplexity',
  kind: 'score',
  summary: 'perplexity of a whole text cut into chunks, as GPTQ, SmoothQuant and ReaLM measure it',
  options: ['bos', 'column', 'split', 'rolling', 'chunk', 'chunks', 'sequences', 'seed'],
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
    if (options.seed !== undefined && options.sequences === undefined) {
      throw new InputError('seeds random places', {
        place: { key: flag('seed') },
        note: `say how many with ${flag('sequences')}`,
      });
    }
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
    const starts =
      options.sequences === undefined
        ? Array.from({ length: Math.min(filled, wanted) }, (_, index) => index * chunk)
        : randomStarts(options, tokens.length - chunk + 1);
    const requests: ScoreRequest[] = starts.map((start) => ({
      tokens: tokens.slice(start, start + chunk),
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
          chunks: starts.length,
          unusedTokens: tokens.length - covered(starts, chunk),
          ...(divergence && { divergence }),
        };
      },
    };
  },
};

/**
 * Places below `places` by Philox, keyed by the seed, a draw a counter: calibration sequences as GPTQ and Anda draw them
 * ("128 random sequences"), with repetition. In the order of the draws.
 */
function randomStarts(options: MetricOptions, places: number): number[] {
  if (options.chunks !== undefined) {
    throw new InputError('counts consecutive chunks', {
      place: { key: flag('chunks') },
      note: `${flag('sequences')} counts random ones`,
    });
  }
  const count = wholeNumber('sequences', options.sequences!, 1);
  const seed = wholeNumber('seed', options.seed ?? 0, 0);
  const key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)] as const;
  return Array.from({ length: Math.min(count, itemLimit(options)) }, (_, draw) => {
    const [high, low] = philox(key, [draw, 0, 0, 0]);
    return Math.floor(uniform(high, low) * places);
  });
}

/** Tokens in at least one chunk. */
function covered(starts: readonly number[], chunk: number): number {
  let end = 0;
  let tokens = 0;
  for (const start of starts.toSorted((a, b) => a - b)) {
    tokens += start + chunk - Math.max(start, end);
    end = start + chunk;
  }
  return tokens;
}
