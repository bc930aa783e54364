import { Tokenizer as Library } from '@huggingface/tokenizers';
import { InputError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { describe, isObject, type JsonObject, messageOf, quote } from './json.ts';
import { mergeBoundaries } from './merge-boundaries.ts';
import { readSpecialIds } from './special-ids.ts';
import type { Tokenizer } from './tokenizer.ts';
import { adaptDefinition } from './tokenizer-dialect.ts';
import { readTokenizerConfig, readTokenizerFiles } from './tokenizer-files.ts';

type Splitter = (text: string, options?: unknown) => string[];

interface LibraryDecoder {
  config: JsonObject;
  decoders?: (LibraryDecoder | null)[];
  decode_chain(tokens: string[]): string[];
}

/** What is used of the library, whose own declarations do not resolve under Node's module rules. */
interface TokenizerLibrary {
  pre_tokenizer: Splitter | null;
  decoder: LibraryDecoder | null;
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[] };
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
}

/** Larger than any vocabulary; an id beyond it would make the library's tables endless. */
const maximumVocabulary = 10_000_000;

/**
 * The checkpoint's tokenizer, from tokenizer.json or the older layouts (see {@link readTokenizerFiles}).
 * @throws InputError naming the file that is missing or malformed
 */
export async function loadTokenizer(checkpoint: Pick<Checkpoint, 'folder' | 'config'>): Promise<Tokenizer> {
  const settings = await readTokenizerConfig(checkpoint.folder);
  const { json, file } = await readTokenizerFiles(checkpoint.folder, settings);
  const vocabularySize = checkVocabulary(json, file);
  let library: TokenizerLibrary;
  try {
    // Only tokenizer.json decides about ids, as in the reference; the library would also look at the settings.
    library = new Library(adaptDefinition(json), { clean_up_tokenization_spaces: false });
    const boundaries = mergeBoundaries(json.model as JsonObject);
    if (boundaries) library.pre_tokenizer = safeSplit(library.pre_tokenizer, boundaries);
    mendByteFallback(library.decoder);
    library.encode('a', { add_special_tokens: true });
  } catch (error) {
    throw new InputError(`cannot be used as a tokenizer: ${messageOf(error)}`, {
      place: { file },
      note: 'expected what the Hugging Face tokenizers library writes; download or convert it again',
      cause: error,
    });
  }
  const { bos, stops } = await readSpecialIds(checkpoint, settings, (token) => library.token_to_id(token));
  return new LibraryTokenizer(library, vocabularySize, bos, stops, file);
}

class LibraryTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly stops: readonly number[];
  readonly #library: TokenizerLibrary;
  readonly #file: string;

  constructor(
    library: TokenizerLibrary,
    size: number,
    bos: number | undefined,
    stops: readonly number[],
    file: string,
  ) {
    this.#library = library;
    this.#file = file;
    this.vocabularySize = size;
    this.bos = bos;
    this.eos = stops[0];
    this.stops = stops;
  }

  encode(text: string, { special = true }: { special?: boolean } = {}): number[] {
    // The reference knows no lone surrogates: its texts are UTF-8.
    const { ids } = this.#library.encode(text.toWellFormed(), { add_special_tokens: special });
    if (!ids.every((id) => id !== undefined)) {
      throw new InputError(
        'the text has characters that are not in the vocabulary, which names no unknown token',
        {
          place: { file: this.#file },
        },
      );
    }
    return ids;
  }

  decode(ids: readonly number[]): string {
    const known = ids.filter((id) => this.#library.id_to_token(id) !== undefined); // as the reference does
    return known.length === 0 ? '' : this.#library.decode(known, { skip_special_tokens: true });
  }
}

/**
 * Cuts what the tokenizer's own pre-tokenizer left long, at places that no merge can cross. A SentencePiece-style
 * tokenizer has no pre-tokenizer: without this a whole book is one word, merged in one queue and never cached.
 */
function safeSplit(inner: Splitter | null, boundaries: (text: string) => string[]): Splitter {
  return (text, options) =>
    (inner ? inner(text, options) : [text]).flatMap((piece) =>
      piece.length > 32 ? boundaries(piece) : [piece],
    );
}

/** The library drops a byte order mark, and writes fewer U+FFFD for broken UTF-8 than the reference (one a byte). */
function mendByteFallback(decoder: LibraryDecoder | null): void {
  for (const part of decoder?.decoders ?? []) mendByteFallback(part);
  if (decoder?.config.type === 'ByteFallback') decoder.decode_chain = decodeByteFallback;
}

function decodeByteFallback(tokens: string[]): string[] {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const result: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const bytes: number[] = [];
    for (let match = byteToken(tokens[i]); match !== undefined; match = byteToken(tokens[++i]))
      bytes.push(match);
    if (bytes.length > 0) {
      try {
        result.push(utf8.decode(Uint8Array.from(bytes)));
      } catch {
        result.push('\ufffd'.repeat(bytes.length));
      }
    }
    if (i < tokens.length) result.push(tokens[i]!);
  }
  return result;
}

function byteToken(token: string | undefined): number | undefined {
  const hex = token === undefined ? undefined : /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return hex === undefined ? undefined : Number.parseInt(hex, 16);
}

/** Checks ids before the library sizes tables by them. Returns the largest id + 1. */
function checkVocabulary(json: JsonObject, file: string): number {
  const { model } = json;
  if (!isObject(model)) {
    throw new InputError(`expected an object, found ${describe(model)}`, { place: { file, key: 'model' } });
  }
  const { vocab } = model;
  const added: unknown = json.added_tokens ?? [];
  if (!isObject(vocab) && !Array.isArray(vocab)) {
    throw new InputError(`expected tokens and their ids, found ${describe(vocab)}`, {
      place: { file, key: 'model.vocab' },
    });
  }
  if (!Array.isArray(added)) {
    throw new InputError(`expected an array, found ${describe(added)}`, {
      place: { file, key: 'added_tokens' },
    });
  }
  const ids: [string, unknown][] = Array.isArray(vocab)
    ? vocab.map((_, id) => ['', id])
    : Object.entries(vocab);
  for (const token of added) {
    if (!isObject(token) || typeof token.content !== 'string' || token.content === '') {
      throw new InputError(`expected objects with id and content, found ${describe(token)}`, {
        place: { file, key: 'added_tokens' },
      });
    }
    ids.push([token.content, token.id]);
  }
  let size = 0;
  for (const [token, id] of ids) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= maximumVocabulary) {
      throw new InputError(
        `token ${quote(token)}: expected an id from 0 to ${maximumVocabulary - 1}, found ${describe(id)}`,
        { place: { file, key: 'model.vocab' } },
      );
    }
    size = Math.max(size, id + 1);
  }
  if (size === 0)
    throw new InputError('expected tokens, found none', { place: { file, key: 'model.vocab' } });
  return size;
}
