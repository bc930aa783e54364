import { InputError } from '../errors.ts';
import type { DataType, TensorInfo } from './checkpoint.ts';
import { describe, isObject, type JsonObject, parseJsonObject, quote } from './json.ts';

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DataType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** The reference implementation's own limit; real headers are below 1 MB. */
export const maximumHeaderBytes = 100_000_000;

/** A valid header nests three deep: file, tensor, shape. */
const maximumDepth = 3;
/** So that 100 MB of hostile JSON cannot grow to gigabytes of objects; a million tensors fit. */
const maximumMembers = 8_000_000;

/** A tensor and where its bytes begin, counted from the start of the file. */
export interface StoredTensor extends TensorInfo {
  begin: number;
}

export function isDataType(name: string): name is DataType {
  return Object.hasOwn(elementBytes, name);
}

/** What a header says of the tensors and of the file. */
export interface SafetensorsHeader {
  tensors: Map<string, StoredTensor>;
  metadata: ReadonlyMap<string, string>;
}

/**
 * The tensors that a safetensors header describes, and its metadata, checked as the reference implementation checks them: known types,
 * offsets that match type and shape, no overlap, no hole, nothing after the last tensor.
 *
 * @param dataStart offset of the first data byte in the file, 8 + header length
 * @param fileBytes size of the file
 * @throws InputError naming file and tensor
 */
export function parseHeader(
  header: Uint8Array,
  file: string,
  dataStart: number,
  fileBytes: number,
): SafetensorsHeader {
  refuseBombs(header, file);
  const tensors: StoredTensor[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, entry] of Object.entries(parseJsonObject(header, file))) {
    if (name === '__metadata__') metadata = readMetadata(entry, file);
    else tensors.push(parseEntry(name, entry, file));
  }
  checkLayout(tensors, file, fileBytes - dataStart);
  for (const tensor of tensors) tensor.begin += dataStart;
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata };
}

/** Counts brackets and commas outside strings before JSON.parse may build anything from them. */
function refuseBombs(header: Uint8Array, file: string): void {
  let depth = 0;
  let members = 0;
  let quoted = false;
  for (let i = 0; i < header.length; i++) {
    const byte = header[i];
    if (quoted) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === 0x2c) members++;
    if (depth > maximumDepth || members > maximumMembers) {
      const found = depth > maximumDepth ? 'deeper nesting' : `more than ${maximumMembers} values`;
      throw new InputError(
        `expected a header of tensors with dtype, shape and data_offsets, found ${found}`,
        {
          place: { file },
          note: 'this is not a safetensors file that a model library wrote',
        },
      );
    }
  }
}

function readMetadata(entry: unknown, file: string): ReadonlyMap<string, string> {
  if (!isObject(entry) || Object.values(entry).some((value) => typeof value !== 'string')) {
    throw new InputError(
      `expected a map of strings, found ${isObject(entry) ? 'other values in it' : describe(entry)}`,
      {
        place: { file, key: '__metadata__' },
      },
    );
  }
  return new Map(Object.entries(entry as Record<string, string>));
}

function parseEntry(name: string, entry: unknown, file: string): StoredTensor {
  const fail = (message: string, note?: string) =>
    new InputError(`tensor ${quote(name)}: ${message}`, { place: { file }, ...(note ? { note } : {}) });
  if (!isObject(entry))
    throw fail(`expected an object with dtype, shape and data_offsets, found ${describe(entry)}`);
  const { dtype } = entry;
  if (typeof dtype !== 'string' || !isDataType(dtype)) {
    throw fail(
      `dtype: expected one of ${Object.keys(elementBytes).join(', ')}, found ${describe(dtype)}`,
      'convert the tensor to one of these types and save the checkpoint again',
    );
  }
  const shape = parseIntegers(entry, 'shape', fail);
  const offsets = parseIntegers(entry, 'data_offsets', fail);
  if (offsets.length !== 2) throw fail(`data_offsets: expected 2 numbers, found ${offsets.length}`);
  const [begin, end] = offsets as [number, number];
  // BigInt: a product of safe integers need not be one.
  const expected = shape.reduce((product, size) => product * BigInt(size), BigInt(elementBytes[dtype]));
  if (end < begin || BigInt(end - begin) !== expected) {
    throw fail(
      `data_offsets: expected ${expected} bytes for ${dtype} [${shape.slice(0, 8)}], found ${end - begin} (${begin} to ${end})`,
      'the header is damaged; download or convert the checkpoint again',
    );
  }
  return { name, dtype, shape, bytes: end - begin, begin };
}

function parseIntegers(entry: JsonObject, key: string, fail: (message: string) => InputError): number[] {
  const value = entry[key];
  if (!Array.isArray(value)) throw fail(`${key}: expected an array of integers, found ${describe(value)}`);
  // The BigInt product of a longer shape could itself take unbounded time.
  if (value.length > 64) throw fail(`${key}: expected at most 64 integers, found ${value.length}`);
  for (const item of value) {
    if (!Number.isSafeInteger(item) || item < 0) {
      throw fail(`${key}: expected integers of 0 or more, found ${describe(item)}`);
    }
  }
  return value as number[];
}

/** Tensors must tile the data exactly; then no byte belongs to two of them or to none. */
function checkLayout(tensors: readonly StoredTensor[], file: string, dataBytes: number): void {
  const sorted = tensors.toSorted((a, b) => a.begin - b.begin || a.bytes - b.bytes);
  let end = 0;
  for (const [i, tensor] of sorted.entries()) {
    if (tensor.begin !== end) {
      const before = i === 0 ? 'the start' : `the end of ${quote(sorted[i - 1]!.name)}`;
      const what = tensor.begin < end ? 'overlaps the tensor before it' : 'leaves a hole';
      throw new InputError(
        `tensor ${quote(tensor.name)}: ${what}: expected data_offsets to begin at ${before} (${end}), found ${tensor.begin}`,
        { place: { file }, note: 'the header is damaged; download or convert the checkpoint again' },
      );
    }
    end += tensor.bytes;
  }
  if (end > dataBytes) {
    throw new InputError(
      `the file is truncated: the header promises ${end} bytes of tensors, the file has ${dataBytes}`,
      { place: { file }, note: 'download it again' },
    );
  }
  if (end < dataBytes) {
    throw new InputError(
      `the header promises ${end} bytes of tensors, the file has ${dataBytes}: the last ${dataBytes - end} belong to no tensor`,
      { place: { file }, note: 'the file is damaged; download it again' },
    );
  }
}
