import {
  type SafetensorsFile,
  type StoredTensor,
  type TensorSource,
  writeSafetensors,
} from '../checkpoint/index.ts';
import { InputError } from '../errors.ts';
import type { Packed } from '../formats/index.ts';
import { type PackedHeader, readHeader, unpackValues } from './packed.ts';
import type { TensorEntry } from './tensor-file.ts';

/*
 * A packed file is a safetensors container. A section of a tensor is a U8 tensor NAME.SECTION; `__metadata__` holds, as
 * JSON under the one key `tapeout_packed`, for each NAME its format, settings, granularity and shape.
 */
const KEY = 'tapeout_packed';

/** A tensor in its bits, and what is needed to read them. */
export interface PackedTensor {
  name: string;
  header: PackedHeader;
  packed: Packed;
}

export async function writePackedFile(path: string, tensors: readonly PackedTensor[]): Promise<void> {
  const sources: TensorSource[] = tensors.flatMap(({ name, packed }) =>
    Object.entries(packed.sections).map(([section, bytes]) => ({
      name: `${name}.${section}`,
      dtype: 'U8' as const,
      shape: [bytes.length],
      write: (emit) => emit(bytes),
    })),
  );
  const headers = Object.fromEntries(tensors.map(({ name, header }) => [name, header]));
  await writeSafetensors(path, sources, { [KEY]: JSON.stringify(headers) });
}

/**
 * The tensors of a packed file, or undefined where it is an ordinary safetensors file.
 * @throws InputError where its metadata is none that `writePackedFile` writes
 */
export function packedTensors(file: SafetensorsFile): TensorEntry[] | undefined {
  const text = file.metadata.get(KEY);
  if (text === undefined) return undefined;
  const sections = Map.groupBy(file.tensors.values(), ({ name }) => name.slice(0, name.lastIndexOf('.')));
  return Object.entries(readHeaders(text, file.path)).map(([name, untrusted]) => {
    const place = { file: file.path, key: name };
    const header = readHeader(untrusted, place);
    return {
      name,
      shape: header.shape,
      dtype: 'packed',
      float: true,
      async read(kernels) {
        const bytes: Record<string, Uint8Array> = {};
        for (const section of sections.get(name) ?? [])
          bytes[section.name.slice(name.length + 1)] = await readSection(file, section);
        return unpackValues(kernels, header, bytes, place);
      },
    };
  });
}

function readHeaders(text: string, path: string): Record<string, unknown> {
  let headers: unknown;
  try {
    headers = JSON.parse(text);
  } catch {
    // Reported below, as any other value.
  }
  if (typeof headers === 'object' && headers !== null && !Array.isArray(headers))
    return headers as Record<string, unknown>;
  throw new InputError('expected a JSON object of tensor names to formats, found something else', {
    place: { file: path, key: KEY },
    note: 'the file is damaged; pack the tensor again',
  });
}

async function readSection(file: SafetensorsFile, { begin, bytes }: StoredTensor): Promise<Uint8Array> {
  const section = new Uint8Array(bytes);
  await file.readInto(section, begin);
  return section;
}
