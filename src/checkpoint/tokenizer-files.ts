import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { describe, isObject, type JsonObject, readJsonObject, readSmallFile } from './json.ts';

/** Gemma's, the largest in use, has 34 MB. */
const maximumBytes = 256_000_000;
const bertSpecials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** A tokenizer in the form of tokenizer.json, and the file that messages about it should name. */
export interface TokenizerDefinition {
  json: JsonObject;
  file: string;
}

/**
 * The folder's tokenizer.json, or its equivalent built from the older layouts: GPT-2's vocab.json and merges.txt,
 * BERT's vocab.txt. The results are those of transformers' own conversion of these files.
 * @throws InputError where there is no tokenizer or only one that needs SentencePiece
 */
export async function readTokenizerFiles(folder: string, config: JsonObject): Promise<TokenizerDefinition> {
  const file = join(folder, 'tokenizer.json');
  const json = await readJsonObject(file, maximumBytes);
  if (json) return { json, file };

  const vocabulary = join(folder, 'vocab.json');
  const entries = await readJsonObject(vocabulary, maximumBytes);
  const merges = await readText(join(folder, 'merges.txt'));
  if (entries && merges !== undefined) {
    const pairs = parseMerges(merges, join(folder, 'merges.txt'));
    return { json: byteLevelBpe(entries, pairs, config), file: vocabulary };
  }
  const words = join(folder, 'vocab.txt');
  const lines = await readText(words);
  if (lines !== undefined) return { json: wordPiece(lines, words, config), file: words };

  if ((await readSmallFile(join(folder, 'tokenizer.model'), maximumBytes)) !== undefined) {
    throw new InputError('expected tokenizer.json, found only the SentencePiece model tokenizer.model', {
      place: { file: folder },
      note: 'convert it in Python with transformers: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)',
    });
  }
  throw new InputError('no such file: expected the tokenizer of the checkpoint', {
    place: { file },
    note: 'tokenizer.json, vocab.json with merges.txt, or vocab.txt can be read',
  });
}

/** tokenizer_config.json, empty where there is none. */
export async function readTokenizerConfig(folder: string): Promise<JsonObject> {
  return (await readJsonObject(join(folder, 'tokenizer_config.json'), 16_000_000)) ?? {};
}

/** A token in tokenizer_config.json is a string or, with its stripping rules, an object. */
export function tokenOf(config: JsonObject, key: string): string | undefined {
  const value = config[key];
  if (typeof value === 'string') return value;
  return isObject(value) && typeof value.content === 'string' ? value.content : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  const bytes = await readSmallFile(path, maximumBytes);
  return bytes && new TextDecoder('utf-8').decode(bytes);
}

function parseMerges(text: string, file: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || (i === 0 && line.startsWith('#version'))) continue;
    const [left, right, ...more] = line.split(' ');
    if (!left || !right || more.length > 0) {
      throw new InputError(`expected two tokens with a space between them, found ${describe(line)}`, {
        place: { file, line: i + 1 },
      });
    }
    pairs.push([left, right]);
  }
  return pairs;
}

function byteLevelBpe(vocab: JsonObject, merges: [string, string][], config: JsonObject): JsonObject {
  const names = ['bos_token', 'eos_token', 'unk_token', 'pad_token'];
  const specials = new Set(names.map((key) => tokenOf(config, key)).filter((token) => token !== undefined));
  if (specials.size === 0) specials.add('<|endoftext|>');
  const prefixSpace = config.add_prefix_space === true;
  const bos = tokenOf(config, 'bos_token');
  return {
    added_tokens: addedTokens(vocab, specials),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: prefixSpace, use_regex: true },
    // OPT has this layout and starts every text with a token of its own.
    post_processor: config.add_bos_token === true && bos !== undefined ? template([bos], []) : null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges, unk_token: null, fuse_unk: false, byte_fallback: false },
  };
}

function wordPiece(text: string, file: string, config: JsonObject): JsonObject {
  const lines = text.split(/\r?\n/);
  if (lines[lines.length - 1] === '') lines.pop();
  const vocab: Record<string, number> = Object.create(null);
  for (const [id, token] of lines.entries()) vocab[token] = id;
  const unknown = tokenOf(config, 'unk_token') ?? '[UNK]';
  const cls = tokenOf(config, 'cls_token') ?? '[CLS]';
  const sep = tokenOf(config, 'sep_token') ?? '[SEP]';
  for (const token of [unknown, cls, sep]) {
    if (vocab[token] === undefined) {
      throw new InputError(`expected the token ${describe(token)}, found none among ${lines.length} lines`, {
        place: { file },
      });
    }
  }
  return {
    added_tokens: addedTokens(vocab, new Set([unknown, cls, sep, ...bertSpecials])),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars !== false,
      strip_accents: typeof config.strip_accents === 'boolean' ? config.strip_accents : null,
      lowercase: config.do_lower_case !== false,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: template([cls], [sep]),
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      vocab,
      unk_token: unknown,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
  };
}

function addedTokens(vocab: JsonObject, contents: Iterable<string>): JsonObject[] {
  return [...contents]
    .filter((content) => Object.hasOwn(vocab, content))
    .map((content) => ({ id: vocab[content], content, normalized: false, special: true }));
}

function template(before: string[], after: string[]): JsonObject {
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  return {
    type: 'TemplateProcessing',
    single: [...before.map(special), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(special)],
    pair: [],
    special_tokens: {},
  };
}
