/**
 * Checkpoints on disk: safetensors weights (one file or shards) read by ranges, config.json, the tokenizer, and the
 * Hugging Face hub and its cache. Files are hostile here: every malformed one ends in an InputError in bounded time
 * and memory, and pickles are refused.
 *
 * May import `tensor/` and `../errors.ts`, nothing else of tapeout.
 */
export type { Checkpoint, DataType } from './checkpoint.ts';
export { readJsonObject } from './json.ts';
export { loadTokenizer } from './load-tokenizer.ts';
export { demoModels, type OpenOptions, openCheckpoint } from './open.ts';
export { openSafetensors, type SafetensorsFile } from './safetensors.ts';
export { elementBytes, type StoredTensor } from './safetensors-header.ts';
export type { Tokenizer } from './tokenizer.ts';
export { type TensorSource, writeSafetensors, writeWeights } from './write-safetensors.ts';
