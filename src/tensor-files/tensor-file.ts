import { open } from 'node:fs/promises';
import type { DataType } from '../checkpoint/index.ts';
import {
  elementBytes,
  openSafetensors,
  type SafetensorsFile,
  type StoredTensor,
} from '../checkpoint/index.ts';
import { InputError } from '../errors.ts';
import { MAXIMUM_VALUES } from '../formats/index.ts';
import type { Kernels } from '../kernels/index.ts';
import { openNpy } from '../tensor/index.ts';
import { packedTensors } from './packed-file.ts';

/** The name of an array that has none. */
export const UNNAMED = 'tensor';
/** Values widened, and bytes copied, at a time. */
const CHUNK = 2 ** 22;
const FLOATS: readonly string[] = ['F32', 'F16', 'BF16', 'F64'] satisfies DataType[];

/** A tensor of a file. */
export interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** Type in the file. */
  readonly dtype: string;
  /** Whether its values are floats or what a format made of floats. */
  readonly float: boolean;
  /** All values as float32, taken from the stack of the kernel memory. */
  read(kernels: Kernels): Promise<{ values: Float32Array; shape: readonly number[] }>;
  /** The bytes as they are; only where `kind` is safetensors. */
  copy?(emit: (chunk: Uint8Array) => Promise<void>): Promise<void>;
}

export interface TensorFile {
  readonly path: string;
  readonly kind: 'npy' | 'safetensors' | 'packed';
  readonly tensors: readonly TensorEntry[];
  close(): Promise<void>;
}

/**
 * Opens a .npy, .safetensors or packed file and reads its header. The ending of the name decides, or the first bytes
 * where it says nothing.
 * @throws InputError
 */
export async function openTensorFile(path: string): Promise<TensorFile> {
  if (path.endsWith('.npy') || (!path.endsWith('.safetensors') && (await beginsAsNpy(path))))
    return openArray(path);
  const file = await openSafetensors(path);
  try {
    const packed = packedTensors(file);
    if (packed) return { path, kind: 'packed', tensors: packed, close: () => file.close() };
    const tensors = [...file.tensors.values()].map((tensor) => storedEntry(file, tensor));
    return { path, kind: 'safetensors', tensors, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function beginsAsNpy(path: string): Promise<boolean> {
  const handle = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    const message = cause.code === 'ENOENT' ? 'no such file' : `cannot be opened: ${cause.message}`;
    throw new InputError(message, { place: { file: path }, cause });
  });
  try {
    if (!(await handle.stat()).isFile())
      throw new InputError('expected a .npy or .safetensors file, found something else', {
        place: { file: path },
        note: 'of a checkpoint give one of its .safetensors files',
      });
    const start = new Uint8Array(9);
    const { bytesRead } = await handle.read(start, 0, 9, 0);
    if (bytesRead > 0 && start[0] === 0x93) return true;
    // A safetensors file: eight bytes of length, then JSON.
    if (start[8] === 0x7b) return false;
    throw new InputError('expected a .npy or .safetensors file, found other bytes', {
      place: { file: path },
      note: 'write an array with np.save(path, x), several with safetensors.numpy.save_file(tensors, path)',
    });
  } finally {
    await handle.close();
  }
}

async function openArray(path: string): Promise<TensorFile> {
  const file = await openNpy(path);
  const { shape, dtype, length } = file;
  const entry: TensorEntry = {
    name: UNNAMED,
    shape,
    dtype,
    float: true,
    async read(kernels) {
      refuseHuge(length, shape, { file: path });
      const values = kernels.floats(length);
      await file.readInto(values);
      return { values, shape };
    },
  };
  return { path, kind: 'npy', tensors: [entry], close: () => file.close() };
}

function storedEntry(file: SafetensorsFile, tensor: StoredTensor): TensorEntry {
  const { name, shape, dtype, bytes, begin } = tensor;
  return {
    name,
    shape,
    dtype,
    float: FLOATS.includes(dtype),
    async read(kernels) {
      const length = bytes / elementBytes[dtype];
      refuseHuge(length, shape, { file: file.path, key: name });
      const values = kernels.floats(length);
      await readStored(kernels, file, tensor, values);
      return { values, shape };
    },
    async copy(emit) {
      const buffer = new Uint8Array(Math.min(CHUNK, bytes));
      for (let done = 0; done < bytes; done += CHUNK) {
        const part = buffer.subarray(0, Math.min(CHUNK, bytes - done));
        await file.readInto(part, begin + done);
        await emit(part);
      }
    },
  };
}

async function readStored(
  kernels: Kernels,
  file: SafetensorsFile,
  { dtype, begin }: StoredTensor,
  values: Float32Array,
): Promise<void> {
  if (dtype === 'F32')
    return file.readInto(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), begin);
  const width = elementBytes[dtype];
  const mark = kernels.mark();
  const buffer = kernels.bytes(Math.min(CHUNK, values.length) * width);
  for (let done = 0; done < values.length; done += CHUNK) {
    const part = values.subarray(done, done + CHUNK);
    const raw = buffer.subarray(0, part.length * width);
    await file.readInto(raw, begin + done * width);
    if (dtype === 'F16') kernels.widenFloat16(part, raw);
    else if (dtype === 'BF16') kernels.widenBfloat16(part, raw);
    else part.set(new Float64Array(raw.buffer, raw.byteOffset, part.length));
  }
  kernels.release(mark);
}

function refuseHuge(length: number, shape: readonly number[], place: { file: string; key?: string }): void {
  if (length <= MAXIMUM_VALUES) return;
  throw new InputError(
    `expected a tensor of at most ${MAXIMUM_VALUES} values, found [${shape}]: what a scale is fitted to must fit into the kernel memory`,
    { place, note: 'cut it into parts of some rows each' },
  );
}
