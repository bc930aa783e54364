/** Text to token ids and back, as the checkpoint's tokenizer.json says. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /** Token that starts a document, if the model has one. */
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  /** Ids with the post-processor's special tokens (BOS, [CLS] … [SEP]) where `special` is true (the default). */
  encode(text: string, options?: { special?: boolean }): number[];
  /** Special tokens and ids outside the vocabulary leave nothing in the text. */
  decode(ids: readonly number[]): string;
}
