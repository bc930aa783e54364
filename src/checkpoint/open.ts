import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, nearest } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { openFolder } from './folder.ts';
import { fetchFromHub, type HubOptions, legacyNames, parseHubId } from './hub.ts';

/** Trained for tapeout and shipped with it, in the package's `models/`. */
export const demoModels = ['demo-llama', 'demo-opt', 'demo-bert'] as const;

/** Options of {@link openCheckpoint}; all but a hub id ignores them. */
export type OpenOptions = HubOptions;

/**
 * Opens what the user named: a folder, a demo model (`demo-llama`) or a hub id (`owner/name`,
 * `owner/name@revision` or a name from before there were owners, such as `gpt2`), in this order. Reads headers only.
 *
 * @throws InputError for a name that is none of these and for a checkpoint that cannot be used
 * @throws RunError where the hub cannot be reached
 */
export async function openCheckpoint(spec: string, options: OpenOptions = {}): Promise<Checkpoint> {
  const found = await stat(spec).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(spec, spec);
  if (found) {
    const note = spec.endsWith('.safetensors')
      ? `give the folder, ${dirname(spec)}: config.json and the tokenizer are read from it too`
      : 'give the folder that holds config.json and model.safetensors';
    throw new InputError('expected a checkpoint folder, found a file', { place: { file: spec }, note });
  }
  const demo = demoModels.find((name) => name === spec);
  if (demo) {
    // src/checkpoint/ and dist/checkpoint/ are equally deep.
    const folder = fileURLToPath(new URL(`../../models/${demo}`, import.meta.url));
    return openFolder(folder, demo);
  }
  const id = parseHubId(spec);
  if (id) {
    const { folder, commit } = await fetchFromHub(id, options);
    return openFolder(folder, spec, commit);
  }
  const near = nearest(spec, demoModels);
  const old = near ? '' : `; without an owner only ${[...legacyNames.keys()].join(', ')}`;
  throw new InputError(`no checkpoint ${JSON.stringify(spec)}: no such folder, demo model or hub id`, {
    note: `${near ? `did you mean "${near}"? ` : ''}give a folder, a demo model (${demoModels.join(', ')}) or a hub id (owner/name)${old}`,
  });
}
