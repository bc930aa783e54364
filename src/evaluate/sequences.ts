import type { Tokenizer } from '../checkpoint/index.ts';
import { InputError, type Place } from '../errors.ts';
import { type MetricOptions, type ModelLimits, wholeNumber } from './metric.ts';
import type { ScoreRequest } from './request.ts';

/** Text to the sequences that a decoder runs. */
export interface SequenceEncoder {
  /** BOS (where the model has one) and the text's tokens. */
  encode(text: string, place: Place): number[];
  /**
   * `context` followed by `continuation`, of which only the continuation is scored, as lm-evaluation-harness does
   * it: white space at the end of the context moves to the continuation, the whole is tokenised at once, and the
   * continuation's tokens are those beyond as many as the context alone has.
   */
  encodeContinuation(context: string, continuation: string, place: Place): ScoreRequest;
}

/** An encoder by the model's limits; an id outside the vocabulary is an InputError. */
export function sequenceEncoder(tokenizer: Tokenizer, options: MetricOptions & ModelLimits): SequenceEncoder {
  wholeNumber('context', options.context, 2);
  const prefix = options.bos === false ? [] : startTokens(tokenizer);
  const { vocabulary } = options;

  function encode(text: string, place: Place): number[] {
    const ids = text === '' ? [] : tokenizer.encode(text, { special: false });
    if (vocabulary !== undefined) checkVocabulary(ids, vocabulary, tokenizer, place);
    // A text that brings its own BOS keeps that one only.
    return prefix.length === 1 && ids[0] === prefix[0] ? ids : [...prefix, ...ids];
  }

  // The choices of a question share their context: its length is found once.
  let last: { body: string; length: number } | undefined;

  function encodeContinuation(context: string, continuation: string, place: Place): ScoreRequest {
    const body = context.trimEnd();
    if (last?.body !== body) last = { body, length: encode(body, place).length };
    const tokens = encode(context + continuation, place);
    // Tokens of the context and the continuation may have merged; the last token is scored in any case.
    const from = Math.max(1, Math.min(last.length, tokens.length - 1));
    if (tokens.length < 2) throw new InputError('nothing before the text to predict it from', { place });
    return { tokens, from };
  }

  return { encode, encodeContinuation };
}

/**
 * What a sequence starts with: the special tokens that the tokenizer itself puts in front, behind the model's BOS
 * where they do not start with it (GPT-2's tokenizer adds none, though the model was trained with one).
 */
export function startTokens(tokenizer: Tokenizer): number[] {
  const { before } = specialTokens(tokenizer);
  const { bos } = tokenizer;
  return bos === undefined || before[0] === bos ? before : [bos, ...before];
}

/** The special tokens that the tokenizer puts before and behind a text, found by encoding one both ways. */
export function specialTokens(tokenizer: Tokenizer): { before: number[]; after: number[] } {
  const probe = 'a';
  const plain = tokenizer.encode(probe, { special: false });
  const full = tokenizer.encode(probe);
  for (let start = 0; start + plain.length <= full.length; start++) {
    if (plain.every((id, index) => full[start + index] === id)) {
      return { before: full.slice(0, start), after: full.slice(start + plain.length) };
    }
  }
  return { before: [], after: [] };
}

/** The last `context` tokens of a request; InputError if the scored ones do not fit behind at least one other. */
export function keepLast(request: ScoreRequest, context: number, place: Place): ScoreRequest {
  const cut = request.tokens.length - context;
  if (cut <= 0) return request;
  const scored = request.tokens.length - request.from;
  if (scored >= context) {
    throw new InputError(`${scored} tokens to score do not fit a context of ${context}`, { place });
  }
  return { tokens: request.tokens.slice(cut), from: request.from - cut };
}

/** Throws InputError at the first id that the model has no embedding for. */
export function checkVocabulary(
  ids: readonly number[],
  vocabulary: number,
  tokenizer: Tokenizer,
  place: Place,
): void {
  for (const id of ids) {
    if (id < vocabulary) continue;
    throw new InputError(
      `token ${id} (${JSON.stringify(tokenizer.decode([id]))}) is outside the model's vocabulary of ${vocabulary}`,
      { place, note: 'the tokenizer and the checkpoint do not belong together' },
    );
  }
}
