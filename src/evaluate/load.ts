import {
  type Checkpoint,
  loadTokenizer,
  type OpenOptions,
  openCheckpoint,
  type Tokenizer,
} from '../checkpoint/index.ts';
import { type Architecture, describeModel, type ModelConfig } from '../model/index.ts';

/** A checkpoint, opened and understood; its weights are read when a machine is prepared. */
export interface LoadedModel {
  checkpoint: Checkpoint;
  architecture: Architecture;
  config: ModelConfig;
  tokenizer: Tokenizer;
}

/**
 * Opens a checkpoint: a folder in the Hugging Face layout, a hub id or a demo model.
 *
 * @throws InputError for a checkpoint that cannot be used
 * @throws RunError where the hub cannot be reached
 */
export async function loadModel(spec: string, options: OpenOptions = {}): Promise<LoadedModel> {
  const checkpoint = await openCheckpoint(spec, options);
  try {
    const { architecture, config } = describeModel(checkpoint);
    return { checkpoint, architecture, config, tokenizer: await loadTokenizer(checkpoint) };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}
