import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, suggest } from '../errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { messageOf, quote, readJsonObject } from './json.ts';
import { indexName, openShards, openSingle, singleName, type Weights } from './shards.ts';

const maximumConfigBytes = 16_000_000;
const hashChunkBytes = 8 * 2 ** 20;
const pickle = /\.(bin|pt|pth|ckpt|pkl|pickle)$/i;

/** The model with its head (plain AutoModel leaves it out) and the tokenizer: without either nothing can be scored. */
export const conversionHint =
  'unpickling runs code from the file, so tapeout reads safetensors only. Convert it where you trust it, in Python ' +
  'with transformers:\n' +
  '    AutoModelForCausalLM.from_pretrained(SOURCE).save_pretrained(FOLDER, safe_serialization=True)\n' +
  '    AutoTokenizer.from_pretrained(SOURCE).save_pretrained(FOLDER)\n' +
  '  For a classifier take AutoModelForSequenceClassification.';

/** Files of a listing that are pickles. */
export function pickles(names: Iterable<string>): string[] {
  return [...names].filter((name) => pickle.test(name)).sort();
}

/**
 * Opens a checkpoint folder in the Hugging Face layout: config.json and safetensors weights, one file or shards.
 * @param name what the user called it
 * @throws InputError for anything that is missing, malformed or pickled
 */
export async function openFolder(folder: string, name: string, commit?: string): Promise<Checkpoint> {
  const configPath = join(folder, 'config.json');
  const config = await readJsonObject(configPath, maximumConfigBytes);
  const weights = await openWeights(folder);
  if (!config) {
    await weights.close();
    throw new InputError('no such file: expected the model description of a Hugging Face checkpoint', {
      place: { file: configPath },
      note: 'download config.json from where the weights came from',
    });
  }
  return new FolderCheckpoint(name, folder, config, weights, commit);
}

async function openWeights(folder: string): Promise<Weights> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw new InputError(`cannot be read: ${messageOf(error)}`, { place: { file: folder }, cause: error });
  }
  if (names.includes(singleName)) return openSingle(folder);
  if (names.includes(indexName)) return openShards(folder);
  const pickled = pickles(names);
  if (pickled.length > 0) {
    throw new InputError(
      `expected ${singleName}, found only pickled weights: ${pickled.slice(0, 5).join(', ')}`,
      {
        place: { file: folder },
        note: conversionHint,
      },
    );
  }
  const others = names.filter((file) => file.endsWith('.safetensors')).sort();
  throw new InputError(
    `expected ${singleName} or ${indexName}, found ${others.length > 0 ? `only ${others.slice(0, 5).join(', ')}` : 'neither'}`,
    {
      place: { file: folder },
      note:
        others.length > 1
          ? `shards need their ${indexName}`
          : 'give the folder of a checkpoint in the Hugging Face layout',
    },
  );
}

class FolderCheckpoint implements Checkpoint {
  readonly name: string;
  readonly folder: string;
  readonly config: Record<string, unknown>;
  readonly commit?: string;
  readonly #weights: Weights;

  constructor(
    name: string,
    folder: string,
    config: Record<string, unknown>,
    weights: Weights,
    commit: string | undefined,
  ) {
    this.name = name;
    this.folder = folder;
    this.config = config;
    if (commit !== undefined) this.commit = commit;
    this.#weights = weights;
  }

  get tensors() {
    return this.#weights.tensors;
  }

  async read(name: string, rows?: { from: number; to: number }, target?: Uint8Array): Promise<Uint8Array> {
    const tensor = this.#weights.tensors.get(name);
    if (!tensor) {
      throw new InputError(`no tensor ${quote(name)} in the checkpoint`, {
        place: { file: this.folder },
        note:
          this.tensors.size > 0
            ? suggest(name, near(name, this.tensors.keys()))
            : 'it holds no tensors at all',
      });
    }
    const count = tensor.shape[0] ?? 1;
    const { from, to } = rows ?? { from: 0, to: count };
    if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from <= to && to <= count)) {
      throw new RangeError(`${name}: expected rows within 0 to ${count}, found ${from} to ${to}`);
    }
    const rowBytes = count === 0 ? 0 : tensor.bytes / count;
    const bytes = (to - from) * rowBytes;
    if (target && target.length < bytes) {
      throw new RangeError(`${name}: expected a target of ${bytes} bytes, found ${target.length}`);
    }
    // A buffer of its own starts at offset 0, so that a Float32Array over it is aligned.
    const result = target ? target.subarray(0, bytes) : new Uint8Array(bytes);
    await this.#weights.fileOf.get(name)!.readInto(result, tensor.begin + from * rowBytes);
    return result;
  }

  async hash(): Promise<string> {
    const hash = createHash('sha256');
    const buffer = new Uint8Array(hashChunkBytes);
    for (const name of [...this.tensors.keys()].sort()) {
      const tensor = this.#weights.tensors.get(name)!;
      const file = this.#weights.fileOf.get(name)!;
      // JSON keeps names with separators in them apart from each other.
      hash.update(JSON.stringify([name, tensor.dtype, tensor.shape]));
      for (let done = 0; done < tensor.bytes; done += buffer.length) {
        const part = buffer.subarray(0, Math.min(buffer.length, tensor.bytes - done));
        await file.readInto(part, tensor.begin + done);
        hash.update(part);
      }
    }
    return hash.digest('hex');
  }

  close(): Promise<void> {
    return this.#weights.close();
  }
}

/** A few names worth listing: those of the same layer or module first; a checkpoint may have thousands. */
function near(name: string, names: Iterable<string>): string[] {
  const tail = name.slice(name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1);
  const all = [...names].slice(0, 5000);
  const similar = all.filter((other) => other.endsWith(tail) || tail.endsWith(other));
  return [...similar, ...all].slice(0, 8);
}
