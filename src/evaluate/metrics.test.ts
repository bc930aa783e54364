import { describe, expect, test } from 'vitest';
import { sharedData } from '../../test/golden.ts';
import { loadTokenizer, type Tokenizer } from '../checkpoint/index.ts';
import { parseDataset, readDataset } from './data.ts';
import type { MetricOptions } from './metric.ts';
import { chooseMetric, findMetric, METRICS } from './metrics.ts';

describe('the choice of a metric', () => {
  const choose = (
    file: string,
    content: string,
    model: 'decoder' | 'encoder',
    options: MetricOptions = {},
    name = 'auto',
  ) => chooseMetric(name, parseDataset(file, content), model, options).name;
  const choices = '{"ctx":"a","endings":["b","c"],"label":0}';

  test('follows the columns, the model and the options', () => {
    expect(choose('a.txt', 'a', 'decoder')).toBe('perplexity');
    expect(choose('a.txt', 'a', 'decoder', { chunk: 4 })).toBe('rolling-perplexity');
    expect(choose('a.txt', 'a', 'decoder', { rolling: true }, 'perplexity')).toBe('rolling-perplexity');
    expect(choose('a.jsonl', '{"text":"a b"}', 'decoder')).toBe('perplexity');
    expect(choose('a.jsonl', '{"story":"a b"}', 'decoder', { column: 'story' })).toBe('perplexity');
    expect(choose('a.jsonl', '{"text":"a b"}', 'decoder', { lastToken: true })).toBe('last-word');
    expect(choose('a.jsonl', '{"text":"a b"}', 'decoder', {}, 'last-word')).toBe('last-word');
    expect(choose('a.jsonl', choices, 'decoder')).toBe('multiple-choice');
    expect(choose('a.tsv', 'sentence\tlabel\na\t1', 'encoder')).toBe('classification');
  });

  test('says what does not go together', () => {
    expect(() => choose('a.tsv', 'sentence\tlabel\na\t1', 'decoder')).toThrow(
      'classification needs an encoder with a classification head; the model is a decoder',
    );
    expect(() => choose('a.txt', 'a', 'encoder', {}, 'perplexity')).toThrow('perplexity needs a decoder');
    expect(() => choose('a.jsonl', '{"x":1,"y":2}', 'decoder')).toThrow(
      'no metric is known by the columns x, y',
    );
    expect(() => choose('a.jsonl', choices, 'decoder', { split: 'x' })).toThrow(
      'multiple-choice does not take it',
    );
    // What holds anyway is no mistake.
    expect(choose('a.jsonl', choices, 'decoder', { bos: true, rolling: false, lastToken: false })).toBe(
      'multiple-choice',
    );
  });

  test('names the nearest metric', () => {
    expect(findMetric('perplexity').name).toBe('perplexity');
    let note: string | undefined;
    try {
      findMetric('perplexty');
    } catch (error) {
      note = (error as { note?: string }).note;
    }
    expect(note).toMatch(/^did you mean "perplexity"\? known: auto, classification, /);
    expect(METRICS.map(({ name }) => name)).toEqual(METRICS.map(({ name }) => name).toSorted());
  });
});

interface RealFile {
  file: string;
  model: string;
  options?: MetricOptions;
  name?: string;
  /** Requests that come out. */
  count: number;
}

const LLAMA = 'models/stories260K';
const GPT2 = 'tokenizers/gpt2';
const BERT = 'tokenizers/bert-base-uncased';

const REAL: RealFile[] = [
  { file: 'tasks/hellaswag/validation-1000.jsonl', model: GPT2, count: 4 * 1000 },
  { file: 'tasks/arc-easy/arc_easy.jsonl', model: GPT2, count: 4 * 2376 },
  { file: 'tasks/piqa/piqa.jsonl', model: GPT2, count: 2 * 1838 },
  { file: 'tasks/winogrande/winogrande.jsonl', model: GPT2, count: 2 * 1267 },
  { file: 'text/lambada/test.jsonl', model: GPT2, name: 'last-word', count: 5153 },
  { file: 'text/lambada/test.jsonl', model: LLAMA, name: 'last-word', count: 5153 },
  { file: 'text/c4/train-1000-documents.jsonl', model: LLAMA, count: 1000 },
  {
    file: 'text/tinystories/train-2316-stories.txt',
    model: LLAMA,
    options: { split: '<|endoftext|>' },
    count: 2317,
  },
  // 295,877 tokens by the reference tokenizer, and BOS.
  { file: 'text/wikitext-2/test.txt', model: GPT2, options: { chunk: 1024 }, count: 288 },
  { file: 'tasks/sst2/dev.tsv', model: BERT, count: 872 },
  { file: 'tasks/sst2/train.tsv', model: BERT, count: 60_614 },
];

describe('real files', () => {
  test.for(REAL)(
    '$file for $model',
    async ({ file, model, options = {}, name = 'auto', count }, { skip }) => {
      const [path, folder] = [sharedData(file), sharedData(model)];
      if (path === undefined || folder === undefined) return skip();
      const tokenizer: Tokenizer = await loadTokenizer({ folder, config: CONFIGS[model]! });
      const data = await readDataset(path);
      const metric = chooseMetric(name, data, model === BERT ? 'encoder' : 'decoder', options);
      const limits = { context: 1024, vocabulary: tokenizer.vocabularySize };
      const { requests } = metric.prepare(data, tokenizer, { ...options, ...limits });
      expect(requests).toHaveLength(count);
      for (const request of requests) {
        if (request.tokens.length > 1024) throw new Error('longer than the context');
        if ('from' in request && (request.from < 1 || request.from >= request.tokens.length)) {
          throw new Error(`nothing to score: ${request.from} of ${request.tokens.length}`);
        }
      }
    },
  );

  test('LAMBADA: the target decodes to the last word', async ({ skip }) => {
    const [path, folder] = [sharedData('text/lambada/test.jsonl'), sharedData(GPT2)];
    if (path === undefined || folder === undefined) return skip();
    const tokenizer = await loadTokenizer({ folder, config: CONFIGS[GPT2]! });
    const data = await readDataset(path);
    const { requests } = findMetric('last-word').prepare(data, tokenizer, { context: 1024, limit: 1 });
    const [first] = requests;
    if (!first || !('from' in first)) throw new Error('expected scores');
    expect(first.tokens[0]).toBe(50_256);
    expect(tokenizer.decode(first.tokens.slice(first.from))).toBe(' signs');
  });
});

const CONFIGS: Record<string, Record<string, unknown>> = {
  [LLAMA]: { bos_token_id: 1 },
  [GPT2]: { bos_token_id: 50_256 },
  [BERT]: {},
};
