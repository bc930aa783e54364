import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { inputErrorOf, temporaryFolder, writeFiles } from '../../test/checkpoint-files.ts';
import { loadTokenizer } from './load-tokenizer.ts';
import { mergeBoundaries } from './merge-boundaries.ts';

/** Made by tools/golden/tokenizer_ids.py with the reference implementation. */
interface Golden {
  vocabularySize: number;
  cases: { text: string; ids: number[]; plain: number[]; decoded: string }[];
  long: { file: string; count: number; sha256: string }[];
}

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const folders = {
  stories260K: 'models/stories260K',
  gpt2: 'tokenizers/gpt2',
  'bert-base-uncased': 'tokenizers/bert-base-uncased',
};

describe.each(Object.entries(folders))('%s gives the ids of the reference', (name, folder) => {
  const missing = !existsSync(data + folder);
  if (missing) console.log(`skipped: ${name}: no ../shared/data/${folder}`);

  test.skipIf(missing)('on short texts of every kind, and back', async () => {
    const golden = await readGolden(name);
    const tokenizer = await loadTokenizer({ folder: data + folder, config: {} });
    expect(tokenizer.vocabularySize).toBe(golden.vocabularySize);
    for (const { text, ids, plain, decoded } of golden.cases) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.encode(text, { special: false }), text).toEqual(plain);
      expect(tokenizer.decode(ids), text).toBe(decoded);
    }
  });

  test.skipIf(missing)('on whole books in one string, in seconds', async () => {
    const golden = await readGolden(name);
    const tokenizer = await loadTokenizer({ folder: data + folder, config: {} });
    const start = performance.now();
    for (const { file, count, sha256 } of golden.long) {
      const ids = tokenizer.encode(await readFile(`${data}text/${file}`, 'utf8'), { special: false });
      expect(ids.length, file).toBe(count);
      expect(createHash('sha256').update(Uint32Array.from(ids)).digest('hex'), file).toBe(sha256);
    }
    expect(performance.now() - start).toBeLessThan(45_000);
  });
});

test('components that the library treats in its own way give the ids of the reference', async () => {
  const components =
    await readGolden<(Pick<Golden, 'cases'> & { name: string; tokenizer: unknown })[]>('components');
  for (const { name, tokenizer: json, cases } of components) {
    const tokenizer = await load({ 'tokenizer.json': json });
    for (const { text, ids, decoded } of cases) {
      expect(tokenizer.encode(text), `${name}: ${text}`).toEqual(ids);
      expect(tokenizer.decode(ids), `${name}: ${text}`).toBe(decoded);
    }
  }
});

async function readGolden<T = Golden>(name: string): Promise<T> {
  return JSON.parse(
    await readFile(new URL(`../../test/golden/tokenizers/${name}.json`, import.meta.url), 'utf8'),
  );
}

const vocab = {
  '<unk>': 0,
  '<s>': 1,
  '</s>': 2,
  a: 3,
  b: 4,
  ab: 5,
  '▁': 6,
  '▁a': 7,
  '<0xC3>': 8,
  '<0xA9>': 9,
};
const merges = ['a b', '▁ a'];
const tokens = ['<unk>', '<s>', '</s>'].map((content, id) => ({
  id,
  content,
  special: true,
  normalized: false,
}));
const valid = {
  added_tokens: tokens,
  normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
    ],
  },
  model: { type: 'BPE', unk_token: '<unk>', fuse_unk: true, byte_fallback: true, vocab, merges },
};

async function load(files: Record<string, unknown>, config: Record<string, unknown> = {}) {
  const folder = await temporaryFolder();
  await writeFiles(folder, files);
  return loadTokenizer({ folder, config });
}

describe('special tokens', () => {
  const settings = { bos_token: '<s>', eos_token: { content: '</s>', lstrip: false } };
  test('come from config.json, an array giving its first as the end', async () => {
    const config = { bos_token_id: 5, eos_token_id: [7, 2] };
    expect(await load({ 'tokenizer.json': valid, 'tokenizer_config.json': settings }, config)).toMatchObject({
      bos: 5,
      eos: 7,
      stops: [7, 2],
    });
  });
  test('or from tokenizer_config.json', async () => {
    const config = { bos_token_id: null };
    expect(await load({ 'tokenizer.json': valid, 'tokenizer_config.json': settings }, config)).toMatchObject({
      bos: 1,
      eos: 2,
      stops: [2],
    });
  });
  test('or are absent', async () => {
    expect(await load({ 'tokenizer.json': valid })).toMatchObject({
      bos: undefined,
      eos: undefined,
      stops: [],
      vocabularySize: 10,
    });
  });
  test('that are no ids are refused', async () => {
    const message = await inputErrorOf(load({ 'tokenizer.json': valid }, { eos_token_id: '</s>' }));
    expect(message).toMatch(/config\.json: eos_token_id: expected a token id, found "<\/s>"/);
    const generation = { 'tokenizer.json': valid, 'generation_config.json': { eos_token_id: [1, -1] } };
    expect(await inputErrorOf(load(generation))).toMatch(/generation_config\.json: eos_token_id: .*found -1/);
  });
  test('that end a text may be in generation_config.json too', async () => {
    const files = { 'tokenizer.json': valid, 'generation_config.json': { eos_token_id: [2, 9, 2] } };
    expect(await load(files, { eos_token_id: 7 })).toMatchObject({ eos: 7, stops: [7, 2, 9] });
    expect(await load(files)).toMatchObject({ eos: 2, stops: [2, 9] });
    const one = { ...files, 'generation_config.json': { eos_token_id: 9 } };
    expect(await load({ ...one, 'tokenizer_config.json': settings })).toMatchObject({
      eos: 2,
      stops: [2, 9],
    });
    expect(await load({ ...one, 'generation_config.json': {} }, { eos_token_id: [] })).toMatchObject({
      eos: undefined,
      stops: [],
    });
  });
  test('that start a text are none where tokenizer_config.json says null', async () => {
    const config = { bos_token_id: 5, eos_token_id: 7 };
    const said = { 'tokenizer.json': valid, 'tokenizer_config.json': { bos_token: null } };
    expect(await load(said, config)).toMatchObject({ bos: undefined, eos: 7 });
    expect(await load({ ...said, 'tokenizer_config.json': {} }, config)).toMatchObject({ bos: 5 });
  });
});

test('bytes stand in for unknown characters and decode as the reference does', async () => {
  const tokenizer = await load({ 'tokenizer.json': valid });
  expect(tokenizer.encode('ab é')).toEqual([5, 6, 8, 9]);
  expect(tokenizer.encode('ax')).toEqual([3, 0]);
  expect(tokenizer.decode([5, 6, 8, 9, 3])).toBe('ab éa');
  expect(tokenizer.decode([9, 8, 3])).toBe('\ufffd\ufffda');
  expect(tokenizer.decode([])).toBe('');
  expect(tokenizer.decode([1, 5, 12345])).toBe('ab');
  expect(tokenizer.encode('')).toEqual([]);
  expect(tokenizer.encode('a\ud800')).toEqual([3, 0]);
});

test('cutting at boundaries that no merge crosses loses nothing', () => {
  const cut = mergeBoundaries({ type: 'BPE', merges })!;
  expect(cut('▁ab▁ab▁b😀ab')).toEqual(['▁ab', '▁ab', '▁', 'b', '😀', 'ab']);
  expect(mergeBoundaries({ type: 'BPE', merges: [['a', 'b']], ignore_merges: true })).toBeUndefined();
  expect(mergeBoundaries({ type: 'WordPiece' })).toBeUndefined();
});

test('OPT’s layout starts a text with its own token', async () => {
  const files = {
    'vocab.json': { '</s>': 0, a: 1, b: 2, ab: 3, Ġ: 4 },
    'merges.txt': '#version: 0.2\na b\n',
  };
  const settings = { add_bos_token: true, bos_token: { content: '</s>' }, eos_token: { content: '</s>' } };
  const tokenizer = await load({ ...files, 'tokenizer_config.json': settings });
  expect(tokenizer.encode('ab a</s>')).toEqual([0, 3, 4, 1, 0]);
  expect(tokenizer.encode('ab', { special: false })).toEqual([3]);
  expect(tokenizer).toMatchObject({ bos: 0, eos: 0 });
});

test('BERT’s vocab.txt keeps case where tokenizer_config.json says so', async () => {
  const files = { 'vocab.txt': '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\n##b\n' };
  expect((await load(files)).encode('Ab A')).toEqual([2, 5, 7, 5, 3]);
  expect(
    (await load({ ...files, 'tokenizer_config.json': { do_lower_case: false } })).encode('Ab A'),
  ).toEqual([2, 6, 7, 6, 3]);
});

describe('a malformed tokenizer is refused', () => {
  const model = (change: Record<string, unknown>) => ({
    'tokenizer.json': { ...valid, model: { ...valid.model, ...change } },
  });
  test.each<[string, Record<string, unknown>, string[]]>([
    ['none', {}, ['tokenizer.json', 'no such file']],
    [
      'SentencePiece only',
      { 'tokenizer.model': 'x' },
      ['tokenizer.model', 'AutoTokenizer', 'save_pretrained'],
    ],
    ['no JSON', { 'tokenizer.json': '{"a":' }, ['tokenizer.json:1:6', 'JSON']],
    ['no object', { 'tokenizer.json': '3' }, ['tokenizer.json', 'found 3']],
    ['no model', { 'tokenizer.json': {} }, ['tokenizer.json', 'model', 'found nothing']],
    ['no vocabulary', model({ vocab: undefined }), ['model.vocab', 'found nothing']],
    [
      'empty vocabulary',
      { 'tokenizer.json': { model: { type: 'BPE', vocab: {}, merges } } },
      ['model.vocab', 'found none'],
    ],
    ['id as text', model({ vocab: { a: '0' } }), ['"a"', 'found "0"']],
    ['id beyond all tables', model({ vocab: { a: 4e9 } }), ['"a"', 'found 4000000000']],
    ['no merges', model({ merges: undefined }), ['cannot be used as a tokenizer']],
    ['merges that are numbers', model({ merges: [3] }), ['cannot be used as a tokenizer']],
    ['unknown model', model({ type: 'Magic' }), ['Magic']],
    ['unknown normalizer', { 'tokenizer.json': { ...valid, normalizer: { type: 'Magic' } } }, ['Magic']],
    [
      'unknown behaviour',
      {
        'tokenizer.json': {
          ...valid,
          pre_tokenizer: { type: 'Split', pattern: { String: 'a' }, behavior: 'MergedWithNext' },
        },
      },
      ['MergedWithNext'],
    ],
    [
      'bad pattern',
      {
        'tokenizer.json': {
          ...valid,
          pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated' },
        },
      },
      ['tokenizer.json'],
    ],
    [
      'added tokens that are no list',
      { 'tokenizer.json': { ...valid, added_tokens: {} } },
      ['added_tokens', 'an object'],
    ],
    [
      'added token without content',
      { 'tokenizer.json': { ...valid, added_tokens: [{ id: 1 }] } },
      ['added_tokens'],
    ],
    [
      'merges.txt line of three',
      { 'vocab.json': { a: 0 }, 'merges.txt': '#version\na b\na b c\n' },
      ['merges.txt:3', '"a b c"'],
    ],
    ['vocab.txt without [UNK]', { 'vocab.txt': 'a\nb\n' }, ['vocab.txt', '[UNK]', '2 lines']],
    [
      'tokenizer_config.json that is no JSON',
      { 'tokenizer.json': valid, 'tokenizer_config.json': 'x' },
      ['tokenizer_config.json'],
    ],
  ])('%s', async (_, files, parts) => {
    const message = await inputErrorOf(load(files));
    for (const part of parts) expect(message).toContain(part);
  });

  test('nested without end', async () => {
    const deep = `${'{"type":"Sequence","normalizers":['.repeat(20_000)}${']}'.repeat(20_000)}`;
    const json = JSON.stringify(valid)
      .replace('"normalizer":{', `"pre":{`)
      .replace(/^\{/, `{"normalizer":${deep},`);
    expect(await inputErrorOf(load({ 'tokenizer.json': json }))).toContain('cannot be used as a tokenizer');
  });
});
