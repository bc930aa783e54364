import type { Tokenizer } from '../src/checkpoint/index.ts';

/** Ids of the pieces that a fake tokenizer meets start here; below are special tokens. */
export const FIRST_PIECE = 10;

/**
 * A tokenizer that can be followed by hand: a word with the space before it is one token, any other white space is
 * one each, and ids count up from 10 as new pieces appear. `before` and `after` are its post-processor's special
 * tokens.
 */
export function fakeTokenizer(
  options: { bos?: number | undefined; before?: number[]; after?: number[] } = {},
): Tokenizer {
  const ids = new Map<string, number>();
  const { before = [], after = [] } = options;
  return {
    vocabularySize: 1000,
    bos: options.bos,
    eos: undefined,
    stops: [],
    encode(text, { special = true } = {}) {
      const plain = (text.match(/ ?\S+|\s/g) ?? []).map((piece) => {
        const id = ids.get(piece) ?? FIRST_PIECE + ids.size;
        ids.set(piece, id);
        return id;
      });
      return special ? [...before, ...plain, ...after] : plain;
    },
    decode(tokens) {
      const pieces = new Map([...ids].map(([piece, id]) => [id, piece]));
      return tokens.map((id) => pieces.get(id) ?? '').join('');
    },
  };
}

/** The text of a sequence without its special tokens. */
export function textOf(tokenizer: Tokenizer, tokens: readonly number[]): string {
  return tokenizer.decode(tokens.filter((id) => id >= FIRST_PIECE));
}
