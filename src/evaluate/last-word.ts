import { InputError } from '../errors.ts';
import { accuracy } from './accuracy.ts';
import { summarizeDivergence } from './divergence.ts';
import { readDocuments, type TextItem } from './documents.ts';
import { checkOutcomes, type ResultBase, type ScoreMetric } from './metric.ts';
import { totalLoss } from './perplexity.ts';
import type { Score, ScoreRequest } from './request.ts';
import { keepLast, type SequenceEncoder, sequenceEncoder } from './sequences.ts';

export interface LastWordResult extends ResultBase {
  metric: 'last-word';
  /** What must be right: all tokens of the last word, or only the last token. */
  target: 'word' | 'token';
  /** correct / passages. */
  accuracy: number;
  accuracyStderr: number;
  correct: number;
  passages: number;
  /** exp(nll / tokens): per target token. */
  perplexity: number;
  /** exp(nll / passages): per target, which lm-evaluation-harness calls the perplexity of LAMBADA. */
  targetPerplexity: number;
  /** Total natural-log loss of the targets, in nats. */
  nll: number;
  /** Target tokens. */
  tokens: number;
  /** Passages of which only the last `context` tokens were used. */
  truncated: number;
}

/**
 * Last-word accuracy (LAMBADA): a passage is right if greedy decoding from everything before its last word gives all
 * the word's tokens. With `lastToken` only the passage's last token counts, as in the code of SmoothQuant and ReaLM.
 */
export const lastWord: ScoreMetric<LastWordResult> = {
  name: 'last-word',
  kind: 'score',
  summary: 'accuracy of the last word of each passage (LAMBADA)',
  options: ['bos', 'column', 'lastToken', 'split'],
  prepare(data, tokenizer, options) {
    const { documents, warnings } = readDocuments(data, options);
    const encoder = sequenceEncoder(tokenizer, options);
    const target = options.lastToken ? 'token' : 'word';
    let truncated = 0;
    const requests = documents.map((passage) => {
      const place = { file: passage.file, ...(passage.line && { line: passage.line }) };
      const request = splitPassage(passage, encoder);
      if (target === 'token') request.from = request.tokens.length - 1;
      if (request.tokens.length > options.context) truncated++;
      return keepLast(request, options.context, place);
    });
    return {
      kind: 'score',
      requests,
      warnings,
      reduce(scores) {
        checkOutcomes(requests, scores);
        const { nll, tokens } = totalLoss(scores);
        const correct = scores.filter(allCorrect).length;
        const share = accuracy(correct, requests.length);
        const divergence = summarizeDivergence(scores);
        return {
          metric: 'last-word',
          headline: { name: 'accuracy', value: share.value, better: 'higher' },
          target,
          accuracy: share.value,
          accuracyStderr: share.stderr,
          correct,
          passages: requests.length,
          perplexity: Math.exp(nll / tokens),
          targetPerplexity: Math.exp(nll / requests.length),
          nll,
          tokens,
          truncated,
          ...(divergence && { divergence }),
        };
      },
    };
  },
};

/** The passage as a request whose target is what follows the last white space. */
function splitPassage({ text, ...place }: TextItem, encoder: SequenceEncoder): ScoreRequest {
  // Word by word from the end: a regular expression for "the last space" would be quadratic on hostile text.
  let end = text.length;
  while (end > 0 && /\S/.test(text[end - 1]!)) end--;
  if (end === 0) throw new InputError('a passage of one word has no context to predict it from', { place });
  return encoder.encodeContinuation(text.slice(0, end), text.slice(end), place);
}

function allCorrect(score: Score): boolean {
  return score.correct.every((flag) => flag === 1);
}
