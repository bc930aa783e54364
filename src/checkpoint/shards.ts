import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import { describe, isObject, quote, readJsonObject } from './json.ts';
import { openSafetensors, type SafetensorsFile } from './safetensors.ts';
import type { StoredTensor } from './safetensors-header.ts';

export const singleName = 'model.safetensors';
export const indexName = 'model.safetensors.index.json';
const maximumIndexBytes = 100_000_000;

/** The tensors of all a checkpoint's files, each with the file that holds it. */
export interface Weights {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly fileOf: ReadonlyMap<string, SafetensorsFile>;
  close(): Promise<void>;
}

/** Opens `model.safetensors`. */
export async function openSingle(folder: string): Promise<Weights> {
  const file = await openSafetensors(join(folder, singleName));
  return {
    tensors: file.tensors,
    fileOf: new Map([...file.tensors.keys()].map((name) => [name, file])),
    close: () => file.close(),
  };
}

/**
 * Opens every shard that `model.safetensors.index.json` names.
 * @throws InputError where a shard is missing, lacks a tensor, or holds one that another shard holds too
 */
export async function openShards(folder: string): Promise<Weights> {
  const indexPath = join(folder, indexName);
  const index = await readShardIndex(indexPath);
  const shards = Map.groupBy(index.keys(), (tensor) => index.get(tensor)!);
  await refuseMissing(folder, indexPath, shards);
  const files: SafetensorsFile[] = [];
  const close = async () => {
    await Promise.all(files.map((file) => file.close()));
  };
  try {
    const tensors = new Map<string, StoredTensor>();
    const fileOf = new Map<string, SafetensorsFile>();
    for (const shard of shards.keys()) {
      const file = await openSafetensors(join(folder, shard));
      files.push(file);
      for (const [name, tensor] of file.tensors) {
        const other = fileOf.get(name);
        if (other) {
          throw new InputError(`tensor ${quote(name)}: expected in one shard, found also in ${other.path}`, {
            place: { file: file.path },
            note: 'shards of different checkpoints are mixed in this folder; download it again',
          });
        }
        tensors.set(name, tensor);
        fileOf.set(name, file);
      }
    }
    checkAgainstIndex(folder, indexPath, index, fileOf);
    return { tensors, fileOf, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Tensor name to shard file name, as the index says.
 * @throws InputError where the index is missing or malformed, or where a shard's name could lead out of the folder
 */
export async function readShardIndex(path: string): Promise<Map<string, string>> {
  const json = await readJsonObject(path, maximumIndexBytes);
  if (!json) throw new InputError('no such file', { place: { file: path } });
  const map = json.weight_map;
  if (!isObject(map)) {
    throw new InputError(`expected an object of tensor names to shard files, found ${describe(map)}`, {
      place: { file: path, key: 'weight_map' },
    });
  }
  const index = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || !isPlainShardName(shard)) {
      throw new InputError(
        `tensor ${quote(tensor)}: expected the name of a .safetensors file beside the index, found ${describe(shard)}`,
        { place: { file: path, key: 'weight_map' }, note: 'paths and other folders are refused' },
      );
    }
    index.set(tensor, shard);
  }
  return index;
}

function isPlainShardName(name: string): boolean {
  return /^[^/\\\0:]+\.safetensors$/.test(name) && name.length <= 255;
}

async function refuseMissing(
  folder: string,
  indexPath: string,
  shards: ReadonlyMap<string, readonly string[]>,
): Promise<void> {
  for (const [shard, names] of shards) {
    const found = await access(join(folder, shard)).then(
      () => true,
      () => false,
    );
    if (!found) {
      const some = names.slice(0, 3).map(quote).join(', ');
      throw new InputError(
        `expected the shard ${quote(shard)} in ${folder}, found no such file; it holds ${names.length} tensors (${some}${names.length > 3 ? ', …' : ''})`,
        { place: { file: indexPath }, note: 'download the missing shard' },
      );
    }
  }
}

function checkAgainstIndex(
  folder: string,
  indexPath: string,
  index: ReadonlyMap<string, string>,
  fileOf: ReadonlyMap<string, SafetensorsFile>,
): void {
  for (const [name, shard] of index) {
    const found = fileOf.get(name)?.path;
    if (found !== join(folder, shard)) {
      throw new InputError(
        `tensor ${quote(name)}: expected in ${quote(shard)}, found ${found ? `in ${found}` : 'in no shard'}`,
        {
          place: { file: indexPath, key: 'weight_map' },
          note: 'index and shards do not belong together; download them again',
        },
      );
    }
  }
}
