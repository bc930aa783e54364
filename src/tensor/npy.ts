import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import {
  float32Header,
  locateHeader,
  NPY_PREFIX_BYTES,
  NPY_TYPES,
  type NpyHeader,
  type NpyType,
  parseNpyHeader,
} from './npy-header.ts';

/** Values converted at a time, and bytes written at a time. */
const CHUNK = 1 << 22;
/** Node's own limit for one read is 2 GiB - 1. */
const MAXIMUM_READ_BYTES = 2 ** 30;

/** One open .npy file: what it holds, and its values on demand. */
export interface NpyFile extends NpyHeader {
  readonly path: string;
  /**
   * All values, as float32, rounded to nearest; 64-bit integers beyond 2^53 by way of float64.
   * @param out `length` values, in any buffer
   */
  readInto(out: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a .npy file of numbers in C order, little-endian, format version 1 to 3. Reads its header only.
 * @throws InputError naming the file, what was expected, what was found and how to write it instead
 */
export async function openNpy(path: string): Promise<NpyFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new InputError(missing ? 'no such file' : `cannot be opened: ${(error as Error).message}`, {
      place: { file: path },
      cause: error,
    });
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile())
      throw new InputError('expected a file, found something else', { place: { file: path } });
    const prefix = new Uint8Array(Math.min(NPY_PREFIX_BYTES, stat.size));
    await readFully(handle, path, prefix, 0);
    const { start, end } = locateHeader(prefix, path);
    const text = new Uint8Array(Math.min(end, stat.size) - start);
    if (end > stat.size) {
      throw new InputError(
        `the file is truncated: expected a header of ${end - start} bytes, found ${text.length}`,
        { place: { file: path }, note: 'write it again with np.save' },
      );
    }
    await readFully(handle, path, text, start);
    const header = parseNpyHeader(text, path);
    checkSize(header, stat.size - end, path);
    return {
      ...header,
      path,
      readInto: (out) => readValues(handle, path, header, end, out),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Before anything of the promised size is allocated. */
function checkSize({ dtype, shape, length }: NpyHeader, found: number, path: string): void {
  const expected = BigInt(length) * BigInt(NPY_TYPES[dtype].BYTES_PER_ELEMENT);
  if (BigInt(found) === expected) return;
  const short = BigInt(found) < expected;
  throw new InputError(
    `${short ? 'the file is truncated: ' : ''}expected ${expected} bytes for ${dtype} [${shape}], found ${found}`,
    {
      place: { file: path },
      note: short
        ? 'write it again with np.save'
        : 'there is more in it than one array: save each array in a file of its own',
    },
  );
}

async function readValues(
  handle: FileHandle,
  path: string,
  { dtype, length }: NpyHeader,
  offset: number,
  out: Float32Array,
): Promise<void> {
  if (out.length !== length)
    throw new RangeError(`${path}: expected room for ${length}, found ${out.length}`);
  if (dtype === '<f4')
    return readFully(handle, path, new Uint8Array(out.buffer, out.byteOffset, out.byteLength), offset);
  const width = NPY_TYPES[dtype].BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(Math.min(CHUNK, length) * width);
  for (let done = 0; done < length; done += CHUNK) {
    const count = Math.min(CHUNK, length - done);
    await readFully(handle, path, bytes.subarray(0, count * width), offset + done * width);
    convert(out.subarray(done, done + count), dtype, bytes.buffer);
  }
}

/** Typed arrays convert as IEEE 754 says: to nearest, ties to even. */
function convert(out: Float32Array, dtype: NpyType, bytes: ArrayBuffer): void {
  const values = new NPY_TYPES[dtype](bytes, 0, out.length);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array)
    for (let i = 0; i < out.length; i++) out[i] = Number(values[i]);
  else out.set(values);
}

async function readFully(
  handle: FileHandle,
  path: string,
  target: Uint8Array,
  offset: number,
): Promise<void> {
  let done = 0;
  while (done < target.length) {
    const part = target.subarray(done, Math.min(target.length, done + MAXIMUM_READ_BYTES));
    const { bytesRead } = await handle.read(part, 0, part.length, offset + done);
    if (bytesRead === 0) {
      throw new InputError(
        `expected ${target.length} bytes at ${offset}, found the end of the file after ${done}`,
        {
          place: { file: path },
          note: 'the file became shorter while it was open; write it again',
        },
      );
    }
    done += bytesRead;
  }
}

/** Writes float32 values, in any buffer, as .npy version 1. The file appears under its name only when complete. */
export async function writeNpy(path: string, shape: readonly number[], values: Float32Array): Promise<void> {
  const length = shape.reduce((product, size) => product * size, 1);
  if (values.length !== length)
    throw new RangeError(`${path}: expected ${length} values for [${shape}], found ${values.length}`);
  const temporary = `${path}.incomplete`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(float32Header(shape));
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let done = 0; done < bytes.length; done += CHUNK)
      await handle.writeFile(bytes.subarray(done, done + CHUNK));
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}
