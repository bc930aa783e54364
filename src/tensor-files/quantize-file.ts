import { stat } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { type TensorSource, writeSafetensors } from '../checkpoint/index.ts';
import { InputError, nearest } from '../errors.ts';
import { type QuantizeReport, quantize, type TensorFormat } from '../formats/index.ts';
import type { Kernels } from '../kernels/index.ts';
import { writeNpy } from '../tensor/index.ts';
import { packedHeader } from './packed.ts';
import { type PackedTensor, writePackedFile } from './packed-file.ts';
import { openTensorFile, type TensorEntry, type TensorFile, UNNAMED } from './tensor-file.ts';

export interface FileQuantizeOptions {
  /** One tensor of a safetensors file; without it all of floats with two axes. */
  tensor?: string | undefined;
  /** .npy (for one tensor) or .safetensors: the values that the codes carry, float32. */
  out?: string | undefined;
  /** The bits, in a packed file. */
  pack?: string | undefined;
  /** Before each tensor and at the end; in values. */
  onProgress?: ((progress: { tensor: string; done: number; total: number }) => void) | undefined;
}

export interface TensorReport extends QuantizeReport {
  /** Absent where the file holds one array without a name. */
  tensor?: string;
  scales: Float32Array;
}

/** Names to show of the thousands that a file may have. */
const NAMES = 8;

/**
 * The tensors of a .npy, .safetensors or packed file through a format, one report a tensor, in the file's order.
 *
 * `out` gets their values; where all tensors of a safetensors file are asked for, the others are copied as they are, so
 * that the result is the whole file again. Files appear under their names only when complete.
 * @throws InputError
 */
export async function quantizeFile(
  kernels: Kernels,
  path: string,
  format: TensorFormat,
  options: FileQuantizeOptions = {},
): Promise<TensorReport[]> {
  const reports: TensorReport[] = [];
  const packed: PackedTensor[] = [];
  const { tensor, out, pack, onProgress } = options;
  await withTensors(path, tensor, { out, pack }, async (file, chosen) => {
    const length = ({ shape }: TensorEntry) => shape.reduce((product, size) => product * size, 1);
    const total = chosen.reduce((sum, entry) => sum + length(entry), 0);
    let done = 0;
    await through(kernels, file, chosen, options, (entry, x, shape) => {
      onProgress?.({ tensor: entry.name, done, total });
      const named = entry.name !== UNNAMED;
      const place = { file: path, ...(named && { key: entry.name }) };
      const result = quantize(kernels, x, shape, format, { codes: pack !== undefined, place });
      reports.push({ ...(named && { tensor: entry.name }), ...result.report, scales: result.fit.scales });
      if (pack !== undefined)
        packed.push({ name: entry.name, header: packedHeader(format, shape), packed: result.packed! });
      done += x.length;
      onProgress?.({ tensor: entry.name, done, total });
      return result.values;
    });
    if (pack !== undefined) await writePackedFile(pack, packed);
  });
  return reports;
}

/**
 * The values of a packed file, as .npy (one tensor) or .safetensors.
 * @throws InputError
 */
export async function unpackFile(
  kernels: Kernels,
  path: string,
  out: string,
  tensor?: string,
): Promise<{ tensor: string; shape: readonly number[] }[]> {
  const unpacked: { tensor: string; shape: readonly number[] }[] = [];
  await withTensors(path, tensor, { out }, async (file, chosen) => {
    if (file.kind !== 'packed')
      throw new InputError('expected a packed file, found plain tensors', {
        place: { file: path },
        note: '`tapeout quantize IN --format NAME --pack FILE` writes one',
      });
    await through(kernels, file, chosen, { out, tensor }, (entry, values, shape) => {
      unpacked.push({ tensor: entry.name, shape });
      return values;
    });
  });
  return unpacked;
}

/** Opens and closes, with everything checked that can be before a value is read. */
async function withTensors(
  path: string,
  tensor: string | undefined,
  outputs: { out?: string | undefined; pack?: string | undefined },
  work: (file: TensorFile, chosen: readonly TensorEntry[]) => Promise<void>,
): Promise<void> {
  const file = await openTensorFile(path);
  try {
    const chosen = choose(file, tensor);
    const { out } = outputs;
    if (out !== undefined && !['.npy', '.safetensors'].includes(extname(out)))
      throw new InputError(`expected a name that ends in .npy or .safetensors, found "${out}"`, {
        place: { key: '--out' },
      });
    if (out !== undefined && extname(out) === '.npy' && chosen.length !== 1)
      throw new InputError(`expected one tensor for a .npy file, found ${chosen.length}`, {
        place: { key: '--out' },
        note: 'pick one with --tensor NAME, or give a name that ends in .safetensors',
      });
    await checkOutputs(path, outputs);
    await work(file, chosen);
  } finally {
    await file.close();
  }
}

async function checkOutputs(input: string, outputs: Record<string, string | undefined>): Promise<void> {
  const taken = new Map([[await identity(input), 'the input']]);
  for (const [option, path] of Object.entries(outputs)) {
    if (path === undefined) continue;
    const place = { key: `--${option}` };
    const id = await identity(path);
    const other = taken.get(id);
    if (other !== undefined) throw new InputError(`${path} is ${other}: expected another file`, { place });
    taken.set(id, `also --${option}`);
    const found = await stat(path).catch(() => undefined);
    if (found && !found.isFile())
      throw new InputError(`${path}: expected a file, found something else`, { place });
  }
}

/** The same for two names of one file, whether it exists or not. */
async function identity(path: string): Promise<string> {
  const file = await stat(path).catch(() => undefined);
  if (file) return `${file.dev}:${file.ino}`;
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.isDirectory()) return `${folder.dev}:${folder.ino}/${basename(path)}`;
  throw new InputError(`no folder ${dirname(path)}`, { place: { file: path }, note: 'make it first' });
}

/** @throws InputError for a name that is not there, a tensor of no floats, and where nothing is left */
function choose(file: TensorFile, name: string | undefined): readonly TensorEntry[] {
  const { path, tensors, kind } = file;
  const names = tensors.map((entry) => entry.name);
  const known = `${names.slice(0, NAMES).join(', ')}${names.length > NAMES ? `, … (${names.length})` : ''}`;
  if (name === undefined) {
    if (kind !== 'safetensors') return tensors;
    const matrices = tensors.filter(({ float, shape }) => float && shape.length === 2);
    if (matrices.length > 0) return matrices;
    throw new InputError(`expected tensors of floats with two axes, found none among ${tensors.length}`, {
      place: { file: path },
      note:
        names.length > 0 ? `pick one of another shape with --tensor: ${known}` : 'the file holds no tensors',
    });
  }
  if (kind === 'npy')
    throw new InputError('a .npy file holds one array without a name', { place: { key: '--tensor' } });
  const entry = tensors.find((tensor) => tensor.name === name);
  if (!entry) {
    const near = nearest(name, names.slice(0, 2000));
    throw new InputError(`no tensor "${name}"`, {
      place: { file: path },
      note: `${near ? `did you mean "${near}"? ` : ''}known: ${known}`,
    });
  }
  if (!entry.float)
    throw new InputError(`expected F32, F16, BF16 or F64, found ${entry.dtype}`, {
      place: { file: path, key: name },
    });
  return [entry];
}

/** Reads each tensor, lets `work` make values of the same shape, and writes them where they are wanted. */
async function through(
  kernels: Kernels,
  file: TensorFile,
  chosen: readonly TensorEntry[],
  { out, tensor }: FileQuantizeOptions,
  work: (entry: TensorEntry, x: Float32Array, shape: readonly number[]) => Float32Array,
): Promise<void> {
  const each = async (
    entry: TensorEntry,
    use: (values: Float32Array, shape: readonly number[]) => Promise<void> = async () => {},
  ) => {
    const mark = kernels.mark();
    try {
      const { values, shape } = await entry.read(kernels);
      await use(work(entry, values, shape), shape);
    } finally {
      kernels.release(mark);
    }
  };
  if (out === undefined) {
    for (const entry of chosen) await each(entry);
  } else if (extname(out) === '.npy') {
    await each(chosen[0]!, (values, shape) => writeNpy(out, shape, values));
  } else {
    const all = tensor === undefined ? file.tensors : chosen;
    const sources = all.map((entry): TensorSource => {
      const { name, shape, dtype } = entry;
      if (!chosen.includes(entry))
        return { name, shape, dtype: dtype as TensorSource['dtype'], write: (emit) => entry.copy!(emit) };
      const write: TensorSource['write'] = (emit) =>
        each(entry, (values) => emit(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)));
      return { name, shape, dtype: 'F32', write };
    });
    await writeSafetensors(out, sources);
  }
}
