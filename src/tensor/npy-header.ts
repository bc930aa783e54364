import { InputError } from '../errors.ts';

/*
 * The header of a .npy file (NumPy Enhancement Proposal 1; numpy.lib.format): "\x93NUMPY", major and minor version, the
 * length of a Python dictionary (2 bytes in version 1, 4 in 2 and 3), the dictionary as text, spaces and a newline, so
 * that the values begin at a multiple of 64.
 */

export type NpyType = keyof typeof NPY_TYPES;

/** What holds the values, by NumPy's name of the type; little-endian all. */
export const NPY_TYPES = {
  '<f2': Float16Array,
  '<f4': Float32Array,
  '<f8': Float64Array,
  '|i1': Int8Array,
  '<i2': Int16Array,
  '<i4': Int32Array,
  '<i8': BigInt64Array,
  '|u1': Uint8Array,
  '<u2': Uint16Array,
  '<u4': Uint32Array,
  '<u8': BigUint64Array,
} as const;

export interface NpyHeader {
  dtype: NpyType;
  shape: readonly number[];
  /** Number of values. */
  length: number;
}

const MAGIC = '\x93NUMPY';
/** What NumPy itself reads from a file that it has no reason to trust (`max_header_size`). */
const MAXIMUM_HEADER_BYTES = 10_000;
/** NumPy's own limit (NPY_MAXDIMS of NumPy 2). */
const MAXIMUM_AXES = 64;
/** Bytes before the dictionary in version 2 and 3; version 1 has two fewer. */
export const NPY_PREFIX_BYTES = 12;

/**
 * Where the dictionary lies, from the first bytes of a file (12, or all of a shorter one).
 * @throws InputError for what is no .npy file
 */
export function locateHeader(prefix: Uint8Array, file: string): { start: number; end: number } {
  const fail = (message: string, note: string) => new InputError(message, { place: { file }, note });
  const text = new TextDecoder('latin1').decode(prefix.subarray(0, 6));
  // latin1 of the web is windows-1252, where byte 0x93 is a quotation mark.
  if (prefix[0] !== 0x93 || text.slice(1) !== MAGIC.slice(1)) {
    const start = prefix.length === 0 ? 'an empty file' : `other bytes (${hex(prefix.subarray(0, 6))})`;
    throw fail(`expected a .npy file, which begins with "\\x93NUMPY", found ${start}`, whatItIs(text));
  }
  const major = prefix[6];
  if (major === undefined || major < 1 || major > 3)
    throw fail(
      `expected .npy version 1, 2 or 3, found ${major ?? 'nothing'}`,
      'save it with a NumPy of today',
    );
  const start = major === 1 ? 10 : 12;
  if (prefix.length < start) throw fail('the file ends within its header', 'it is truncated; save it again');
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAXIMUM_HEADER_BYTES)
    throw fail(
      `header: expected at most ${MAXIMUM_HEADER_BYTES} bytes, found ${length}`,
      'the file is damaged, or holds a structured array; save a plain array of numbers',
    );
  return { start, end: start + length };
}

function whatItIs(start: string): string {
  if (start.startsWith('PK')) return 'this is an .npz archive or another zip: save one array with np.save';
  if (start.charCodeAt(0) === 0x20ac) return 'this is a Python pickle, which is refused: use np.save';
  return 'write it with np.save(path, x)';
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/**
 * Type and shape of the array, checked against what can be read.
 * @param bytes the dictionary
 * @throws InputError for another order, byte order or type, and for what is no such dictionary
 */
export function parseNpyHeader(bytes: Uint8Array, file: string): NpyHeader {
  const fail = (message: string, note = 'the file is damaged; write it again with np.save') =>
    new InputError(message, { place: { file }, note });
  // The keys are ASCII; version 3 is UTF-8 for the sake of field names.
  const text = new TextDecoder().decode(bytes).trim();
  if (!text.startsWith('{') || !text.endsWith('}'))
    throw fail(`header: expected a Python dictionary, found ${show(text)}`);

  const descr = value(text, 'descr', /'([^'\\]*)'|"([^"\\]*)"|(\[)/);
  if (!descr) throw fail(`header: expected a dictionary with 'descr', found ${show(text)}`);
  const dtype = descr[3] ? undefined : (descr[1] ?? descr[2])!;
  if (dtype === undefined)
    throw fail(
      'expected numbers, found a structured dtype',
      "save one of its fields: np.save(path, x['name'])",
    );
  if (!isReadable(dtype))
    throw fail(`expected ${expectedTypes()}, found dtype ${show(dtype)}`, remedy(dtype));

  const order = value(text, 'fortran_order', /(True|False)\b/);
  if (!order) throw fail(`header: expected 'fortran_order' to be True or False, found ${show(text)}`);
  if (order[1] === 'True')
    throw fail(
      'expected C order (rows one after the other), found Fortran order',
      'write it with np.save(path, np.ascontiguousarray(x))',
    );

  const tuple = value(text, 'shape', /\(([^()]*)\)/);
  if (!tuple) throw fail(`header: expected 'shape' to be a tuple of integers, found ${show(text)}`);
  const items = tuple[1]!.split(',').map((item) => item.trim());
  // A tuple of one item ends in a comma, of none is empty.
  if (items.at(-1) === '') items.pop();
  // Python 2 wrote long integers with an L.
  const bad = items.find((item) => !/^\d{1,20}L?$/.test(item));
  if (bad !== undefined) throw fail(`shape: expected integers of 0 or more, found ${show(bad)}`);
  if (items.length > MAXIMUM_AXES)
    throw fail(`shape: expected at most ${MAXIMUM_AXES} axes, found ${items.length}`);
  const shape = items.map((item) => Number.parseInt(item, 10));
  // BigInt: a product of safe integers need not be one.
  const length = items.reduce((product, item) => product * BigInt(item.replace('L', '')), 1n);
  if (length > BigInt(Number.MAX_SAFE_INTEGER) || !shape.every(Number.isSafeInteger))
    throw fail(`shape: expected an array that a computer can hold, found ${show(`(${items.join(', ')})`)}`);
  return { dtype, shape, length: Number(length) };
}

/** What stands after a key, if it has the form. A key is looked for by its quoted name: no value contains one. */
function value(text: string, key: string, form: RegExp): RegExpExecArray | null {
  const start = new RegExp(`['"]${key}['"]\\s*:\\s*`).exec(text);
  return start && new RegExp(`^(?:${form.source})`).exec(text.slice(start.index + start[0].length));
}

function isReadable(dtype: string): dtype is NpyType {
  return Object.hasOwn(NPY_TYPES, dtype);
}

function expectedTypes(): string {
  return `numbers of type ${Object.keys(NPY_TYPES).join(' ')}`;
}

function remedy(dtype: string): string {
  const convert = "np.save(path, x.astype('<f4'))";
  if (dtype.startsWith('>')) return `big-endian numbers: write them with ${convert}`;
  const kind = dtype.replace(/^[<|=]/, '')[0];
  if (kind === 'O') return `an object array holds pickles, which are refused: write numbers with ${convert}`;
  if (kind === 'c') return 'complex numbers: save x.real and x.imag, each by itself';
  if (kind === 'b') return `booleans: write them as numbers with ${convert}`;
  if (kind === 'V') return `bytes without a type, such as ml_dtypes leaves in a file: write ${convert}`;
  return `write it with ${convert}`;
}

/** Text from a file as it may stand in a message. */
function show(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** The bytes before the values of a float32 array, version 1. */
export function float32Header(shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const size = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(size).fill(0x20);
  bytes.set([0x93, ...new TextEncoder().encode(MAGIC.slice(1)), 1, 0]);
  new DataView(bytes.buffer).setUint16(8, size - 10, true);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[size - 1] = 0x0a;
  return bytes;
}
