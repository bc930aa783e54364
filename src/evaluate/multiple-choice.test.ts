import { describe, expect, test } from 'vitest';
import { fakeTokenizer, textOf } from '../../test/fake-tokenizer.ts';
import { findLayout, readChoices } from './choice-items.ts';
import { parseDataset } from './data.ts';
import { multipleChoice } from './multiple-choice.ts';
import type { Score } from './request.ts';

const tokenizer = fakeTokenizer({ bos: 1 });
const context = 50;

function jsonl(...records: object[]) {
  return parseDataset('a.jsonl', records.map((record) => JSON.stringify(record)).join('\n'));
}

/** The first item of a file and the name of its layout. */
function itemOf(record: object, label?: string) {
  const data = jsonl(record);
  if (data.kind !== 'records') throw new Error('expected records');
  const layout = findLayout(data);
  if (!layout) throw new Error('no layout');
  const [first] = readChoices(data, layout, label);
  return { layout: layout.name, ...first!.item };
}

function score(...nll: number[]): Score {
  return { nll: Float64Array.from(nll), correct: new Uint8Array(nll.length) };
}

describe('layouts', () => {
  test('HellaSwag is prepared as lm-evaluation-harness does it', () => {
    const record = {
      activity_label: 'Painting',
      ctx_a: '[header] How to paint [title] Choose a colour.',
      ctx_b: 'a Man',
      ctx: 'not used',
      endings: ['[step] paints.', ' sits  down. [substeps] Now', 'ünds'],
      label: '2',
    };
    const prompt = 'Painting: How to paint. Choose a colour. A man';
    expect(itemOf(record)).toEqual({
      layout: 'hellaswag',
      gold: 2,
      choices: [
        // What was in brackets leaves the space behind it.
        { context: prompt, continuation: '  paints.', characters: 8 },
        { context: prompt, continuation: ' sits down. Now', characters: 14 },
        { context: prompt, continuation: ' ünds', characters: 4 },
      ],
    });
  });

  test('a beginning and its endings stay as they are', () => {
    expect(itemOf({ ctx: 'Once [x] ', endings: [' upon', 'more 😀'], label: 0 })).toEqual({
      layout: 'endings',
      gold: 0,
      choices: [
        { context: 'Once [x]', continuation: ' upon', characters: 4 },
        { context: 'Once [x]', continuation: ' more 😀', characters: 6 },
      ],
    });
  });

  test('questions get the cue for an answer, other queries none', () => {
    const record = { query: 'Question: Why?', choices: ['so', 'not'], gold: 1 };
    expect(itemOf(record)).toMatchObject({
      layout: 'question',
      gold: 1,
      choices: [{ context: 'Question: Why?\nAnswer:', continuation: ' so' }, { continuation: ' not' }],
    });
    expect(itemOf({ ...record, query: 'Why' }).choices[0]!.context).toBe('Why');
  });

  test('WinoGrande shares the continuation', () => {
    const record = { context_options: ['Sarah', 'Maria'], continuation: 'sang.', gold: 1 };
    expect(itemOf(record)).toEqual({
      layout: 'partial',
      gold: 1,
      choices: [
        { context: 'Sarah', continuation: ' sang.', characters: 5 },
        { context: 'Maria', continuation: ' sang.', characters: 5 },
      ],
    });
  });

  test('take the label from the column named', () => {
    expect(itemOf({ ctx: 'a', endings: ['b', 'c'], answer: 1 }, 'answer').gold).toBe(1);
  });

  test('drop brackets as the regular expression does, and in linear time', () => {
    const cleaned = (ending: string) =>
      itemOf({ activity_label: 'a', ctx_a: '', ctx_b: '', endings: [ending, 'x'], label: 0 }).choices[0]!
        .continuation;
    for (const text of ['a [b] c', 'a ]b[ c', '[[a] b]', 'a [b\nc] d', '[]', 'x[a][b]y']) {
      expect(cleaned(`_${text}_`), text).toBe(
        ` ${`_${text}_`.replace(/\[.*?\]/g, '').replaceAll('  ', ' ')}`,
      );
    }
    const hostile = '['.repeat(1_000_000);
    expect(cleaned(hostile)).toBe(` ${hostile}`);
  });
});

describe('multiple choice', () => {
  const items = jsonl(
    { ctx: 'a', endings: ['b', 'c d e f'], label: 1 },
    { ctx: 'a', endings: ['bbbbbbbb', 'c d'], label: 0 },
  );

  test('scores every choice after its context, item by item', () => {
    const { requests } = multipleChoice.prepare(items, tokenizer, { context });
    const texts = requests.map(({ tokens, from }) => [
      textOf(tokenizer, tokens.slice(0, from)),
      textOf(tokenizer, tokens.slice(from)),
    ]);
    expect(texts).toEqual([
      ['a', ' b'],
      ['a', ' c d e f'],
      ['a', ' bbbbbbbb'],
      ['a', ' c d'],
    ]);
    expect(multipleChoice.prepare(items, tokenizer, { context, limit: 1 }).requests).toHaveLength(2);
  });

  test('chooses by sum, by character and by token', () => {
    const task = multipleChoice.prepare(items, tokenizer, { context });
    // Item 1: sums 2 < 4, by character 2 / 1 > 4 / 7, by token 2 > 1: right but for the sum.
    // Item 2: sums 3 < 4, by character 3 / 8 < 4 / 3, by token 3 > 2: right but for the token.
    const result = task.reduce([score(2), score(1, 1, 1, 1), score(3), score(2, 2)]);
    expect(result).toEqual({
      metric: 'multiple-choice',
      headline: { name: 'acc', value: 0.5, better: 'higher' },
      layout: 'endings',
      acc: 0.5,
      acc_stderr: 0.5,
      acc_norm: 1,
      acc_norm_stderr: 0,
      acc_token: 0.5,
      acc_token_stderr: 0.5,
      items: 2,
      choices: 4,
      nll: 13,
      tokens: 8,
      truncated: 0,
    });
  });

  test('takes the first of equals, and never a NaN', () => {
    const data = jsonl({ ctx: 'a', endings: ['b', 'c', 'd'], label: 1 });
    const accuracyOf = (...losses: number[]) =>
      multipleChoice.prepare(data, tokenizer, { context }).reduce(losses.map((loss) => score(loss))).acc;
    expect(accuracyOf(2, 1, 1)).toBe(1);
    expect(accuracyOf(1, 1, 2)).toBe(0);
    expect(accuracyOf(Number.NaN, 5, 6)).toBe(1);
    expect(accuracyOf(Number.NaN, Number.NaN, Number.NaN)).toBe(0);
    expect(accuracyOf(Number.POSITIVE_INFINITY, 1, 2)).toBe(1);
  });

  test('keeps the end of what is longer than the context', () => {
    const data = jsonl({ ctx: 'a b c d e', endings: ['f g', 'h'], label: 0 });
    const task = multipleChoice.prepare(data, tokenizer, { context: 4 });
    expect(task.requests.map(({ tokens, from }) => [textOf(tokenizer, tokens), from])).toEqual([
      [' d e f g', 2],
      [' c d e h', 3],
    ]);
    expect(task.reduce([score(1, 1), score(1)])).toMatchObject({ truncated: 2 });
    expect(() => multipleChoice.prepare(data, tokenizer, { context: 2 })).toThrow(
      '2 tokens to score do not fit',
    );
  });

  test('refuses what it cannot use', () => {
    const prepare =
      (...records: object[]) =>
      () =>
        multipleChoice.prepare(jsonl(...records), tokenizer, { context });
    const good = { ctx: 'a', endings: ['b', 'c'], label: 0 };
    expect(() => multipleChoice.prepare(parseDataset('a.txt', 'a'), tokenizer, { context })).toThrow(
      '.jsonl',
    );
    const header = parseDataset('a.tsv', 'ctx\tendings\tlabel');
    expect(() => multipleChoice.prepare(header, tokenizer, { context })).toThrow('no records');
    expect(prepare({ context: 'a', ending: ['b'] })).toThrow('expected the columns activity_label + ctx_a');
    expect(prepare(good, { ...good, label: 2 })).toThrow('expected a whole number 0 to 1, found 2');
    expect(prepare(good, { ...good, endings: ['b'] })).toThrow(
      'expected at least 2 texts, found a list of 1',
    );
    expect(prepare(good, { ...good, endings: ['b', ' '] })).toThrow('a choice is empty');
    expect(prepare(good, { ctx: 'a', endings: ['b', 'c'] })).toThrow('no column "label"');
  });
});
