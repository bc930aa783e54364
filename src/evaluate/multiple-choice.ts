import { InputError } from '../errors.ts';
import { accuracy, best } from './accuracy.ts';
import { type ChoiceLayout, findLayout, noLayout, readChoices } from './choice-items.ts';
import { summarizeDivergence } from './divergence.ts';
import { checkOutcomes, itemLimit, type ResultBase, type ScoreMetric, take } from './metric.ts';
import { totalLoss } from './perplexity.ts';
import type { ScoreRequest } from './request.ts';
import { keepLast, sequenceEncoder } from './sequences.ts';

/** The names with an underscore are those of lm-evaluation-harness. */
export interface MultipleChoiceResult extends ResultBase {
  metric: 'multiple-choice';
  layout: ChoiceLayout['name'];
  /** Share of items whose right choice has the greatest log-likelihood. */
  acc: number;
  acc_stderr: number;
  /** The same by log-likelihood per character of the choice. */
  acc_norm: number;
  acc_norm_stderr: number;
  /** The same by log-likelihood per token: the mean-loss choice of ReaLM's code. */
  acc_token: number;
  acc_token_stderr: number;
  items: number;
  /** Choices scored, over all items. */
  choices: number;
  /** Total natural-log loss of all choices, in nats. */
  nll: number;
  /** Tokens scored. */
  tokens: number;
  /** Choices of which only the last `context` tokens were used. */
  truncated: number;
}

/**
 * Multiple choice by the likelihood of each choice: HellaSwag, PIQA, ARC, WinoGrande. The first of equals is taken;
 * a choice whose likelihood is NaN is never taken, and an item without any other counts as wrong.
 */
export const multipleChoice: ScoreMetric<MultipleChoiceResult> = {
  name: 'multiple-choice',
  kind: 'score',
  summary: 'accuracy by the likeliest choice (HellaSwag, PIQA, ARC, WinoGrande)',
  options: ['bos', 'labelColumn'],
  prepare(data, tokenizer, options) {
    if (data.kind === 'text') {
      throw new InputError('expected a .jsonl file of questions', { place: { file: data.file } });
    }
    const layout = findLayout(data);
    if (!layout) throw noLayout(data);
    const encoder = sequenceEncoder(tokenizer, options);
    const requests: ScoreRequest[] = [];
    const items: { first: number; characters: number[]; gold: number }[] = [];
    let truncated = 0;
    for (const { item, line } of take(readChoices(data, layout, options.labelColumn), itemLimit(options))) {
      const place = { file: data.file, line };
      items.push({
        first: requests.length,
        characters: item.choices.map(({ characters }) => characters),
        gold: item.gold,
      });
      for (const { context, continuation } of item.choices) {
        const request = encoder.encodeContinuation(context, continuation, place);
        if (request.tokens.length > options.context) truncated++;
        requests.push(keepLast(request, options.context, place));
      }
    }
    if (items.length === 0) throw new InputError('no records', { place: { file: data.file } });
    return {
      kind: 'score',
      requests,
      warnings: [],
      reduce(scores) {
        checkOutcomes(requests, scores);
        const right = { sum: 0, character: 0, token: 0 };
        for (const { first, characters, gold } of items) {
          const losses = characters.map((_, index) => scores[first + index]!.nll);
          const sums = losses.map((nll) => -nll.reduce((sum, loss) => sum + loss, 0));
          if (best(sums) === gold) right.sum++;
          if (best(sums.map((sum, index) => sum / characters[index]!)) === gold) right.character++;
          if (best(sums.map((sum, index) => sum / losses[index]!.length)) === gold) right.token++;
        }
        const bySum = accuracy(right.sum, items.length);
        const byCharacter = accuracy(right.character, items.length);
        const byToken = accuracy(right.token, items.length);
        const divergence = summarizeDivergence(scores);
        return {
          metric: 'multiple-choice',
          headline: { name: 'acc', value: bySum.value, better: 'higher' },
          layout: layout.name,
          acc: bySum.value,
          acc_stderr: bySum.stderr,
          acc_norm: byCharacter.value,
          acc_norm_stderr: byCharacter.stderr,
          acc_token: byToken.value,
          acc_token_stderr: byToken.stderr,
          items: items.length,
          choices: requests.length,
          ...totalLoss(scores),
          truncated,
          ...(divergence && { divergence }),
        };
      },
    };
  },
};
