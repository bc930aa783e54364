import type { JsonObject } from './json.ts';

/**
 * A function that cuts a text where byte-pair encoding cannot merge across, or undefined where the model gives no
 * such guarantee.
 *
 * Every token of more than one character is the result of a merge. If no merge's result has the character `a` right
 * before `b`, no token can ever cover both sides of an `a|b` in the text, so both sides are encoded independently and
 * cutting there changes no id. (In SentencePiece vocabularies that is true before nearly every "▁".)
 */
export function mergeBoundaries(model: JsonObject): ((text: string) => string[]) | undefined {
  const { merges } = model;
  if (model.type !== undefined && model.type !== 'BPE') return undefined;
  if (!Array.isArray(merges)) return undefined;
  // With these, a token depends on where its word ends or on the word as a whole.
  if (model.ignore_merges === true || model.end_of_word_suffix || model.continuing_subword_prefix)
    return undefined;
  if (model.continuing_subword_suffix) return undefined;

  let joined: Set<string> | undefined;
  return (text) => {
    joined ??= adjacentCharacters(merges);
    const pieces: string[] = [];
    let start = 0;
    let before = '';
    let at = 0;
    for (const character of text) {
      if (at > start && !joined.has(before + character)) {
        pieces.push(text.slice(start, at));
        start = at;
      }
      before = character;
      at += character.length;
    }
    pieces.push(text.slice(start));
    return pieces;
  };
}

/** All pairs of neighbouring characters inside the results of merges. */
function adjacentCharacters(merges: readonly unknown[]): Set<string> {
  const pairs = new Set<string>();
  for (const merge of merges) {
    const result: string = Array.isArray(merge) ? merge.join('') : String(merge).replace(' ', '');
    let before = '';
    for (const character of result) {
      if (before) pairs.add(before + character);
      before = character;
    }
  }
  return pairs;
}
