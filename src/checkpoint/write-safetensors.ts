import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataType } from './checkpoint.ts';
import { elementBytes } from './safetensors-header.ts';
import { indexName, singleName } from './shards.ts';

/** A tensor to write; its bytes are made when their turn comes, so that a checkpoint need not fit into memory. */
export interface TensorSource {
  name: string;
  dtype: DataType;
  shape: readonly number[];
  /** Hands the tensor's little-endian bytes, in order and in chunks of any size, to `emit`. */
  write(emit: (chunk: Uint8Array) => Promise<void>): Promise<void> | void;
}

/** What the Python library expects to find where a model is to be loaded. */
const MODEL_METADATA = { format: 'pt' };

/**
 * Writes one safetensors file, tensors in the given order. The file appears under its name only when complete.
 * @throws RangeError where a tensor emits more or fewer bytes than its type and shape need
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorSource> | AsyncIterable<TensorSource>,
  metadata: Readonly<Record<string, string>> = MODEL_METADATA,
): Promise<void> {
  const sources: TensorSource[] = [];
  for await (const source of tensors) sources.push(source);
  const temporary = `${path}.incomplete`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(makeHeader(sources, metadata));
    for (const source of sources) {
      const expected = bytesOf(source);
      let written = 0;
      await source.write(async (chunk) => {
        written += chunk.length;
        if (written <= expected) await handle.writeFile(chunk);
      });
      if (written !== expected) {
        throw new RangeError(`${source.name}: expected ${expected} bytes to be written, found ${written}`);
      }
    }
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes a checkpoint's weights into a folder, created where missing: `model.safetensors`, or shards with their index
 * where one file would exceed `shardBytes` (default 5 GB, as the Hub's own tools cut).
 */
export async function writeWeights(
  folder: string,
  tensors: Iterable<TensorSource>,
  { shardBytes = 5e9 }: { shardBytes?: number } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const shards: TensorSource[][] = [];
  let room = 0;
  let total = 0;
  for (const source of tensors) {
    const bytes = bytesOf(source);
    if (shards.length === 0 || bytes > room) {
      shards.push([]);
      room = shardBytes;
    }
    shards[shards.length - 1]!.push(source);
    room -= bytes;
    total += bytes;
  }
  if (shards.length <= 1) return writeSafetensors(join(folder, singleName), shards[0] ?? []);
  const weightMap: Record<string, string> = Object.create(null);
  const digits = (value: number) => String(value).padStart(5, '0');
  for (const [i, sources] of shards.entries()) {
    const file = `model-${digits(i + 1)}-of-${digits(shards.length)}.safetensors`;
    for (const { name } of sources) weightMap[name] = file;
    await writeSafetensors(join(folder, file), sources);
  }
  const index = { metadata: { total_size: total }, weight_map: weightMap };
  await writeFile(join(folder, indexName), JSON.stringify(index, null, 1));
}

function bytesOf({ dtype, shape }: TensorSource): number {
  return shape.reduce((product, size) => product * size, elementBytes[dtype]);
}

function makeHeader(
  sources: readonly TensorSource[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: Record<string, unknown> = Object.create(null);
  entries.__metadata__ = metadata;
  let offset = 0;
  for (const source of sources) {
    if (Object.hasOwn(entries, source.name)) throw new RangeError(`${source.name}: named twice`);
    const end = offset + bytesOf(source);
    entries[source.name] = { dtype: source.dtype, shape: source.shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  // Spaces up to a multiple of 8, so that the data is aligned for readers that map the file.
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(json, 8);
  return bytes;
}
