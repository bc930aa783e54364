import { type FileHandle, open } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { messageOf } from './json.ts';
import {
  maximumHeaderBytes,
  parseHeader,
  type SafetensorsHeader,
  type StoredTensor,
} from './safetensors-header.ts';

/** Node's own limit for one read is 2 GiB - 1. */
const maximumReadBytes = 2 ** 30;

/** One open safetensors file: its tensors by name, and their bytes on demand. */
export interface SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
  /**
   * Fills `target` with the file's bytes from `offset` on.
   * @throws InputError where the file has become shorter than its header said
   */
  readInto(target: Uint8Array, offset: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a safetensors file and reads its header, never its tensors.
 * @throws InputError naming the file, what was expected and what was found
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw new InputError(`cannot be opened: ${messageOf(error)}`, { place: { file: path }, cause: error });
  }
  try {
    return {
      path,
      ...(await readHeader(handle, path)),
      readInto: (target, offset) => readFully(handle, path, target, offset),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHeader(handle: FileHandle, path: string): Promise<SafetensorsHeader> {
  const stat = await handle.stat();
  if (!stat.isFile())
    throw new InputError('expected a file, found something else', { place: { file: path } });
  if (stat.size < 8) {
    throw new InputError(`expected a safetensors file, found only ${stat.size} bytes`, {
      place: { file: path },
      note: 'the file is truncated; download it again',
    });
  }
  const prefix = new Uint8Array(8);
  await readFully(handle, path, prefix, 0);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  // Checked before anything of that size is allocated.
  const limit = Math.min(stat.size - 8, maximumHeaderBytes);
  if (length > BigInt(limit)) {
    throw new InputError(
      `header length: expected at most ${limit} bytes${limit === maximumHeaderBytes ? '' : ' (the file has no more)'}, found ${length}`,
      { place: { file: path }, note: whatItIs(prefix) },
    );
  }
  const header = new Uint8Array(Number(length));
  await readFully(handle, path, header, 8);
  return parseHeader(header, path, 8 + header.length, stat.size);
}

/** The two other things that are commonly found under this name. */
function whatItIs(prefix: Uint8Array): string {
  const text = new TextDecoder('latin1').decode(prefix);
  if (text === 'version ')
    return 'this is a Git LFS pointer, not the file itself: run `git lfs pull` in its folder';
  if (text.startsWith('PK') || text.startsWith('\x80')) {
    return 'this is a PyTorch pickle under another name; convert it with the safetensors Python package';
  }
  return 'the file is truncated or not a safetensors file; download it again';
}

async function readFully(
  handle: FileHandle,
  path: string,
  target: Uint8Array,
  offset: number,
): Promise<void> {
  let done = 0;
  while (done < target.length) {
    // A subarray keeps each call's offset and length within Node's 32-bit limits.
    const part = target.subarray(done, Math.min(target.length, done + maximumReadBytes));
    const { bytesRead } = await handle.read(part, 0, part.length, offset + done);
    if (bytesRead === 0) {
      throw new InputError(
        `expected ${target.length} bytes at ${offset}, found the end of the file after ${done}`,
        { place: { file: path }, note: 'the file became shorter while it was open; download it again' },
      );
    }
    done += bytesRead;
  }
}
