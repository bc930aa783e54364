import { describe, expect, test } from 'vitest';
import { fakeTokenizer, textOf } from '../../test/fake-tokenizer.ts';
import type { Tokenizer } from '../checkpoint/index.ts';
import { parseDataset } from './data.ts';
import { lastWord } from './last-word.ts';
import type { Score, ScoreRequest } from './request.ts';

const tokenizer = fakeTokenizer({ bos: 1 });

function passages(...texts: string[]) {
  return parseDataset('a.jsonl', texts.map((text) => JSON.stringify({ text })).join('\n'));
}

/** Context and target of a request, as text. */
function parts({ tokens, from }: ScoreRequest, by: Tokenizer = tokenizer): [string, string] {
  return [textOf(by, tokens.slice(0, from)), textOf(by, tokens.slice(from))];
}

function score(nll: number[], correct: number[]): Score {
  return { nll: Float64Array.from(nll), correct: Uint8Array.from(correct) };
}

describe('last word', () => {
  test('is what follows the last white space, with that white space', () => {
    const { requests } = lastWord.prepare(passages(' the cat sat ', 'she said\n"No"', 'a  b'), tokenizer, {
      context: 9,
    });
    expect(requests.map((request) => parts(request))).toEqual([
      ['the cat', ' sat'],
      ['she said', '\n"No"'],
      ['a', '  b'],
    ]);
    expect(requests[0]!.tokens[0]).toBe(1);
  });

  test('counts where greedy decoding gives all its tokens', () => {
    const task = lastWord.prepare(passages('a b', 'a\nb', 'a c', 'a d'), tokenizer, { context: 9 });
    // The second target is two tokens: the line feed and the word.
    const result = task.reduce([score([1], [1]), score([1, 2], [0, 1]), score([0], [1]), score([4], [0])]);
    expect(result).toEqual({
      metric: 'last-word',
      headline: { name: 'accuracy', value: 0.5, better: 'higher' },
      target: 'word',
      accuracy: 0.5,
      accuracyStderr: Math.sqrt(0.25 / 3),
      correct: 2,
      passages: 4,
      perplexity: Math.exp(8 / 5),
      targetPerplexity: Math.exp(8 / 4),
      nll: 8,
      tokens: 5,
      truncated: 0,
    });
  });

  test('is the last token alone where asked for', () => {
    const task = lastWord.prepare(passages('a\nb'), tokenizer, { context: 9, lastToken: true });
    expect(parts(task.requests[0]!)).toEqual(['a\n', 'b']);
    expect(task.reduce([score([1], [1])])).toMatchObject({ target: 'token', accuracy: 1, tokens: 1 });
  });

  test('is predicted from the last tokens of a passage longer than the context', () => {
    const task = lastWord.prepare(passages('a b c d e f', 'a b'), tokenizer, { context: 3 });
    expect(parts(task.requests[0]!)).toEqual([' d e', ' f']);
    expect(task.requests[1]!.tokens[0]).toBe(1);
    expect(task.reduce([score([1], [1]), score([1], [1])])).toMatchObject({ truncated: 1 });
  });

  test('has at least one target token where the tokenizer joins it with the context', () => {
    // Merges everything beyond one character into one token, so the context is no prefix of the whole.
    const merging: Tokenizer = {
      ...tokenizer,
      encode: (text) => (text.length < 2 ? [10] : [11, 12]),
      bos: undefined,
    };
    const { requests } = lastWord.prepare(passages('one two three'), merging, { context: 9 });
    expect(requests).toEqual([{ tokens: [11, 12], from: 1 }]);
  });

  test('needs a context', () => {
    expect(() => lastWord.prepare(passages('a b', 'alone'), tokenizer, { context: 9 })).toThrow(
      'a passage of one word has no context to predict it from',
    );
    const twoTokens = passages('a\nb');
    expect(() => lastWord.prepare(twoTokens, tokenizer, { context: 2 })).toThrow(
      '2 tokens to score do not fit',
    );
  });
});
