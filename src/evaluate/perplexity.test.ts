import { describe, expect, test } from 'vitest';
import { fakeTokenizer, textOf } from '../../test/fake-tokenizer.ts';
import { parseDataset } from './data.ts';
import { perplexity } from './perplexity.ts';
import type { Score } from './request.ts';
import { rollingPerplexity } from './rolling.ts';

const BOS = 1;
const tokenizer = fakeTokenizer({ bos: BOS });
const context = 8;

function text(content: string) {
  return parseDataset('a.txt', content);
}

/** A score with these losses and, where given, divergences. */
function score(nll: number[], divergence?: number[]): Score {
  return {
    nll: Float64Array.from(nll),
    correct: new Uint8Array(nll.length),
    ...(divergence && {
      divergence: Float64Array.from(divergence),
      agree: Uint8Array.from(nll, (_, i) => i % 2),
    }),
  };
}

describe('perplexity of documents', () => {
  test('starts each document, stripped, from BOS and predicts all the rest', () => {
    const { requests, warnings } = perplexity.prepare(text(' a b c\n<|x|>\n\nd e \n<|x|>\n'), tokenizer, {
      context,
      split: '<|x|>',
    });
    expect(requests.map(({ tokens, from }) => [tokens[0], textOf(tokenizer, tokens), from])).toEqual([
      [BOS, 'a b c', 1],
      [BOS, 'd e', 1],
    ]);
    expect(warnings).toEqual([]);
  });

  test('is exp of the total loss by the predictions', () => {
    const task = perplexity.prepare(text('a b c|  |d'), tokenizer, { context, split: '|' });
    const result = task.reduce([score([1, 2, 3]), score([0.5])]);
    expect(result).toEqual({
      metric: 'perplexity',
      headline: { name: 'perplexity', value: Math.exp(6.5 / 4), better: 'lower' },
      perplexity: Math.exp(6.5 / 4),
      nll: 6.5,
      meanNll: 6.5 / 4,
      tokens: 4,
      documents: 2,
      dropped: 1,
      truncated: 0,
      cutTokens: 0,
    });
  });

  test('cuts a document at the context, BOS included, and says how much and what to do', () => {
    const task = perplexity.prepare(text('a b c d e f g h i j'), tokenizer, { context });
    expect(task.requests[0]!.tokens).toHaveLength(context);
    expect(textOf(tokenizer, task.requests[0]!.tokens)).toBe('a b c d e f g');
    expect(task.warnings).toEqual([
      'a.txt: 3 tokens in 1 of 1 documents lie beyond the context of 8 and are not scored ' +
        '(--rolling scores a whole text in chunks)',
    ]);
    expect(task.reduce([score([1, 1, 1, 1, 1, 1, 1])])).toMatchObject({
      tokens: 7,
      truncated: 1,
      cutTokens: 3,
    });
  });

  test('without BOS has the first token for context only, and drops documents of one', () => {
    const data = text('a b|c');
    for (const [bare, bos] of [
      [fakeTokenizer(), true],
      [tokenizer, false],
    ] as const) {
      const task = perplexity.prepare(data, bare, { context, split: '|', bos });
      expect(task.requests.map(({ tokens }) => textOf(bare, tokens))).toEqual(['a b']);
      expect(task.reduce([score([1])])).toMatchObject({ tokens: 1, documents: 1, dropped: 1 });
    }
    expect(() => perplexity.prepare(text('a'), fakeTokenizer(), { context })).toThrow('nothing to predict');
  });

  test('takes the BOS that the tokenizer puts in front, and no second one', () => {
    const llama = fakeTokenizer({ bos: BOS, before: [BOS] });
    const bert = fakeTokenizer({ before: [5], after: [6] });
    expect(
      perplexity.prepare(text('a b'), llama, { context }).requests[0]!.tokens.filter((id) => id < 10),
    ).toEqual([BOS]);
    // What closes a sequence is no text to predict.
    expect(
      perplexity.prepare(text('a b'), bert, { context }).requests[0]!.tokens.filter((id) => id < 10),
    ).toEqual([5]);
  });

  test('scores at most --limit documents of a .jsonl, by the column named', () => {
    const data = parseDataset('a.jsonl', '{"story":""}\n{"story":"a b"}\n{"story":"c d"}\nbroken');
    const { requests } = perplexity.prepare(data, tokenizer, { context, column: 'story', limit: 2 });
    expect(requests.map(({ tokens }) => textOf(tokenizer, tokens))).toEqual(['a b', 'c d']);
    expect(() => perplexity.prepare(data, tokenizer, { context })).toThrow('no column "text"');
    expect(() => perplexity.prepare(data, tokenizer, { context, column: 'storey' })).toThrow(
      'no column "storey"',
    );
    expect(() => perplexity.prepare(data, tokenizer, { context, column: 'story' })).toThrow('not JSON');
  });

  test('says that a separator does not occur', () => {
    const { requests, warnings } = perplexity.prepare(text('a b'), tokenizer, { context, split: '<|x|>' });
    expect(requests).toHaveLength(1);
    expect(warnings).toEqual(['a.txt: "<|x|>" does not occur; the file is one document']);
  });

  test('refuses what it cannot score', () => {
    const prepare =
      (options: object, data = text('a b')) =>
      () =>
        perplexity.prepare(data, tokenizer, { context, ...options });
    const records = parseDataset('a.jsonl', '{"text":"a"}');
    expect(prepare({ split: '|' }, text('|\n|'))).toThrow('empty text');
    expect(prepare({}, parseDataset('a.jsonl', '{"text":" "}'))).toThrow('empty text');
    expect(prepare({ split: '' })).toThrow('expected a text, found none');
    expect(prepare({ split: '|' }, records)).toThrow('separates documents of a .txt file');
    expect(prepare({ column: 'text' })).toThrow('a .txt file has no columns');
    expect(prepare({ limit: 0 })).toThrow('expected a whole number of at least 1, found 0');
    expect(prepare({ context: 1 })).toThrow('expected a whole number of at least 2, found 1');
    expect(prepare({ vocabulary: 11 }, text('a b zebra'))).toThrow(
      /^token \d+ \(".*"\) is outside the model's vocabulary of 11$/,
    );
  });

  test('adds the divergence from the reference where every score has one', () => {
    const task = perplexity.prepare(text('a b|c d'), tokenizer, { context, split: '|' });
    const [first, second] = [score([1, 1], [0.25, 0.5]), score([1, 1], [0, 0.25])];
    expect(task.reduce([first, second]).divergence).toEqual({
      meanKl: 0.25,
      top1Agreement: 0.5,
      positions: 4,
    });
    expect(task.reduce([first, score([1, 1])])).not.toHaveProperty('divergence');
  });

  test('lets a broken machine be seen', () => {
    const task = perplexity.prepare(text('a b'), tokenizer, { context });
    expect(task.reduce([score([1, Number.NaN])]).perplexity).toBeNaN();
    expect(task.reduce([score([1, Number.POSITIVE_INFINITY])]).perplexity).toBe(Number.POSITIVE_INFINITY);
    expect(() => task.reduce([])).toThrow('0 outcomes for 1 requests');
  });
});

describe('perplexity of chunks', () => {
  const ten = text('a b c d e f g h i');

  test('tokenises the whole once, BOS once, and predicts all of a chunk but its first token', () => {
    const task = rollingPerplexity.prepare(ten, tokenizer, { context, chunk: 4 });
    expect(task.requests.map(({ tokens, from }) => [textOf(tokenizer, tokens), tokens.length, from])).toEqual(
      [
        ['a b c', 4, 1],
        [' d e f g', 4, 1],
      ],
    );
    const result = task.reduce([score([1, 2, 3]), score([3, 3, 3])]);
    expect(result).toMatchObject({ nll: 15, tokens: 6, chunk: 4, chunks: 2, unusedTokens: 2 });
    // As the published code has it: mean losses, times the chunk's length, by the length of all.
    expect(result.perplexity).toBeCloseTo(Math.exp((2 * 4 + 3 * 4) / (2 * 4)), 12);
  });

  test('takes chunks of the context, and as many as asked for', () => {
    const requests = (options: object) =>
      rollingPerplexity.prepare(ten, tokenizer, { context: 5, ...options }).requests;
    expect(requests({}).map(({ tokens }) => tokens.length)).toEqual([5, 5]);
    expect(requests({ chunks: 1 })).toHaveLength(1);
    expect(requests({ limit: 1 })).toHaveLength(1);
  });

  test('draws chunks from random places by a seed, each draw the same whatever their number', () => {
    const letters = text(Array.from({ length: 200 }, (_, i) => `w${i}`).join(' '));
    const starts = (options: object) =>
      rollingPerplexity
        .prepare(letters, tokenizer, { context: 5, bos: false, ...options })
        .requests.map(({ tokens }) => {
          expect(tokens).toHaveLength(5);
          expect(tokens.every((token, i) => i === 0 || token !== tokens[i - 1])).toBe(true);
          return textOf(tokenizer, tokens);
        });
    const drawn = starts({ sequences: 128, seed: 7 });
    expect(starts({ sequences: 40, seed: 7 })).toEqual(drawn.slice(0, 40));
    expect(starts({ sequences: 40, seed: 7, limit: 3 })).toEqual(drawn.slice(0, 3));
    expect(starts({ sequences: 40, seed: 8 })).not.toEqual(drawn.slice(0, 40));
    expect(starts({ sequences: 40 })).toEqual(starts({ sequences: 40, seed: 0 }));
    // Of 128 draws from some 196 places most differ.
    expect(new Set(drawn).size).toBeGreaterThan(70);
  });

  test('counts tokens in no random chunk', () => {
    const task = rollingPerplexity.prepare(ten, tokenizer, { context: 4, sequences: 2, seed: 1 });
    const all = task.requests.map(({ tokens }) => textOf(tokenizer, tokens));
    const result = task.reduce([score([1, 2, 3]), score([1, 2, 3])]);
    expect(result.chunks).toBe(2);
    const whole = rollingPerplexity.prepare(ten, tokenizer, { context: 10 }).requests[0]!.tokens;
    const held = new Set(task.requests.flatMap(({ tokens }) => tokens));
    expect(result.unusedTokens, all.join('|')).toBe(whole.filter((token) => !held.has(token)).length);
  });

  test('takes no options that contradict random places', () => {
    const prepare = (options: object) => () =>
      rollingPerplexity.prepare(ten, tokenizer, { context: 4, ...options });
    expect(prepare({ sequences: 2, chunks: 2 })).toThrow('counts consecutive chunks');
    expect(prepare({ seed: 2 })).toThrow('seeds random places');
    expect(prepare({ sequences: 0 })).toThrow('expected a whole number of at least 1');
    expect(prepare({ sequences: 1, seed: -1 })).toThrow('expected a whole number of at least 0');
  });

  test('joins records, and documents that a text separates, by a blank line', () => {
    const joined = parseDataset('a.jsonl', '{"text":"a b"}\n{"text":"c"}');
    for (const [data, split] of [
      [joined, undefined],
      [text('a b\n<|x|>\nc\n'), '<|x|>'],
    ] as const) {
      const { requests } = rollingPerplexity.prepare(data, tokenizer, { context, split, chunk: 6 });
      expect(textOf(tokenizer, requests[0]!.tokens)).toBe('a b\n\nc');
    }
  });

  test('refuses or reports what does not fit', () => {
    const prepare = (options: object) => () =>
      rollingPerplexity.prepare(ten, tokenizer, { context: 100, ...options });
    expect(prepare({})).toThrow("the text's 10 tokens do not fill one chunk of 100");
    expect(prepare({ chunk: 101 })).toThrow('a chunk of 101 tokens does not fit the context of 100');
    expect(prepare({ chunk: 1 })).toThrow('expected a whole number of at least 2, found 1');
    expect(prepare({ chunk: 5, chunks: 0 })).toThrow('expected a whole number of at least 1, found 0');
    expect(prepare({ chunk: 5, chunks: 3 })().warnings).toEqual([
      'a.txt: the text fills 2 of 3 chunks of 5 tokens',
    ]);
  });
});
