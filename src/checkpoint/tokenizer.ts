/** Text to token ids and back, as the checkpoint's tokenizer.json says. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /** Token that starts a document, if the model has one. */
  readonly bos: number | undefined;
  /** The first of the {@link stops}. */
  readonly eos: number | undefined;
  /** All tokens that end a text; chat models have several. Empty where the model has none. */
  readonly stops: readonly number[];
  /** Ids with the post-processor's special tokens (BOS, [CLS] … [SEP]) where `special` is true (the default). */
  encode(text: string, options?: { special?: boolean }): number[];
  /** Special tokens and ids outside the vocabulary leave nothing in the text. */
  decode(ids: readonly number[]): string;
}
