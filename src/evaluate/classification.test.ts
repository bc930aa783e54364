import { describe, expect, test } from 'vitest';
import { fakeTokenizer } from '../../test/fake-tokenizer.ts';
import { classification } from './classification.ts';
import { parseDataset } from './data.ts';

const [CLS, SEP] = [2, 3];
const tokenizer = fakeTokenizer({ before: [CLS], after: [SEP] });
const context = 20;
const sentences = parseDataset('a.tsv', 'sentence\tlabel\nso good \t1\nso bad\t0\nfine\t1\n');

describe('classification', () => {
  test('reads sentences and labels, with the special tokens around', () => {
    const { requests } = classification.prepare(sentences, tokenizer, { context });
    expect(requests[0]!.tokens).toEqual([CLS, ...tokenizer.encode('so good', { special: false }), SEP]);
    expect(requests[0]!.types).toEqual([0, 0, 0, 0]);
    expect(classification.prepare(sentences, tokenizer, { context, limit: 2 }).requests).toHaveLength(2);
  });

  test('takes the greatest logit, the first of equals, and never a NaN', () => {
    const task = classification.prepare(sentences, tokenizer, { context });
    const result = task.reduce([
      { logits: [0.1, 0.2] },
      { logits: [0.5, 0.5] },
      { logits: [Number.NaN, Number.NaN] },
    ]);
    expect(result).toEqual({
      metric: 'classification',
      headline: { name: 'accuracy', value: 2 / 3, better: 'higher' },
      accuracy: 2 / 3,
      accuracyStderr: expect.closeTo(Math.sqrt(2 / 9 / 2), 14),
      correct: 2,
      items: 3,
      confusion: [
        [1, 0],
        [0, 1],
      ],
      undecided: 1,
      truncated: 0,
    });
  });

  test('compares with the reference by class and by KL divergence', () => {
    const one = parseDataset('a.tsv', 'sentence\tlabel\na\t0\nb\t0\n');
    const task = classification.prepare(one, tokenizer, { context });
    const { divergence } = task.reduce([
      { logits: [0, 0], reference: [Math.log(3), 0] },
      { logits: [Number.NEGATIVE_INFINITY, 1], reference: [Number.NEGATIVE_INFINITY, 5] },
    ]);
    // KL((3/4, 1/4) || (1/2, 1/2)) = ln 2 - H(1/4); the second pair is the same distribution.
    const kl = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(divergence).toMatchObject({ top1Agreement: 1, positions: 2 });
    expect(divergence!.meanKl).toBeCloseTo(kl / 2, 14);
  });

  test('puts a pair into one sequence, the second with segment 1', () => {
    const pairs = parseDataset('a.tsv', 'sentence1\tsentence2\tlabel\na b\tc\t1\n');
    const { requests } = classification.prepare(pairs, tokenizer, { context });
    const plain = (text: string) => tokenizer.encode(text, { special: false });
    expect(requests).toEqual([
      { tokens: [CLS, ...plain('a b'), SEP, ...plain('c'), SEP], types: [0, 0, 0, 0, 1, 1] },
    ]);
  });

  test('cuts the longer text at the context, and keeps the special tokens', () => {
    const pairs = parseDataset(
      'a.tsv',
      'sentence1\tsentence2\tlabel\na b c d e\tf g\t1\na\tb c d e f\t0\na b c d\ta b c d\t0\n',
    );
    const task = classification.prepare(pairs, tokenizer, { context: 8 });
    // Five places beside three special tokens.
    const sizes = task.requests.map(({ tokens, types }) => [
      tokens.length,
      types!.filter((type) => type === 0).length - 2,
      types!.filter((type) => type === 1).length - 1,
    ]);
    expect(sizes).toEqual([
      [8, 3, 2],
      [8, 1, 4],
      [8, 3, 2],
    ]);
    const logits = task.requests.map(() => ({ logits: [0, 1] }));
    expect(task.reduce(logits)).toMatchObject({ truncated: 3 });
    const single = classification.prepare(sentences, tokenizer, { context: 3 });
    expect(single.requests[0]!.tokens).toEqual([CLS, expect.any(Number), SEP]);
  });

  test('refuses what it cannot use', () => {
    const prepare =
      (text: string, options = {}) =>
      () =>
        classification.prepare(parseDataset('a.tsv', text), tokenizer, { context, ...options });
    expect(() => classification.prepare(parseDataset('a.txt', 'a'), tokenizer, { context })).toThrow('.tsv');
    expect(prepare('sentence\tlabel\na\tgood\n')).toThrow('expected a whole number from 0, found "good"');
    expect(prepare('sentence\tlabel\na\t2\n', { classes: 2 })).toThrow(
      'expected a whole number 0 to 1, found "2"',
    );
    expect(prepare('sentence\tlabel\n \t1\n')).toThrow('empty text');
    expect(prepare('sentence\tlabel\n')).toThrow('no records');
    expect(prepare('sentence\tclass\na\t1\n')).toThrow('no column "label"');
    expect(prepare('phrase\tlabel\na\t1\n')).toThrow('no column "sentence" or "text" or "sentence1"');
    expect(prepare('sentence\tlabel\na\t1\n', { pairColumn: 'other' })).toThrow('no column "other"');
    expect(prepare('sentence\tlabel\na\t1\n', { context: 2 })).toThrow('no room for text');
    expect(prepare('sentence\tlabel\na\t1\n', { vocabulary: 5 })).toThrow(
      "outside the model's vocabulary of 5",
    );
    // The model's classes come with the logits where nobody said them before.
    const task = prepare('sentence\tlabel\na\t2\n')();
    expect(() => task.reduce([{ logits: [0, 1] }])).toThrow('expected a class of the model, 0 to 1, found 2');
  });
});
