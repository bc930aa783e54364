import { join } from 'node:path';
import { InputError } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { describe, type JsonObject, readJsonObject } from './json.ts';
import { tokenOf } from './tokenizer-files.ts';

/**
 * The ids that start and end a text. config.json's come before the token that tokenizer_config.json names, and the
 * ends that only generation_config.json lists (chat models end a turn so) come last.
 */
export async function readSpecialIds(
  { config, folder }: Pick<Checkpoint, 'folder' | 'config'>,
  settings: JsonObject,
  idOf: (token: string) => number | undefined,
): Promise<{ bos: number | undefined; stops: readonly number[] }> {
  const generation = join(folder, 'generation_config.json');
  const fromConfig = (key: string) => {
    const ids = idsAt(config, key, join(folder, 'config.json'));
    const token = ids.length > 0 ? undefined : tokenOf(settings, key.replace(/_id$/, ''));
    const named = token === undefined ? undefined : idOf(token);
    return named === undefined ? ids : [named];
  };
  const later = idsAt((await readJsonObject(generation, 16_000_000)) ?? {}, 'eos_token_id', generation);
  return {
    // Qwen2's config.json has an id that its tokenizer never sets: it says null. A missing key says nothing.
    bos: settings.bos_token === null ? undefined : fromConfig('bos_token_id')[0],
    stops: [...new Set([...fromConfig('eos_token_id'), ...later])],
  };
}

/** One id or a list of them: Llama 3 has several ends of text, of which the first is the plain one. */
function idsAt(json: JsonObject, key: string, file: string): number[] {
  const value = json[key] ?? [];
  return (Array.isArray(value) ? value : [value]).map((id: unknown) => {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
      throw new InputError(`expected a token id, found ${describe(id)}`, { place: { file, key } });
    }
    return id;
  });
}
