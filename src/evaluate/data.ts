import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { InputError } from '../errors.ts';
import { type DataRecord, jsonLines, tabSeparated } from './records.ts';

/** A .txt file. */
export interface TextData {
  kind: 'text';
  file: string;
  /** Without a byte-order mark; lines end with \n. */
  text: string;
}

/** A .jsonl or .tsv file. */
export interface RecordData {
  kind: 'records';
  file: string;
  /** Keys of the first record, or the header. */
  columns: string[];
  /** Read anew at each iteration; throws InputError at the first bad line. */
  records: Iterable<DataRecord>;
}

export type Dataset = TextData | RecordData;

/** V8 holds strings of up to 2^29 - 24 characters, and a text never has more characters than bytes. */
const MAX_BYTES = 500e6;

const READERS: Record<string, (file: string, text: string) => Dataset> = {
  '.txt': (file, text) => ({ kind: 'text', file, text }),
  '.jsonl': (file, text) => ({ kind: 'records', file, ...jsonLines(file, text) }),
  '.tsv': (file, text) => ({ kind: 'records', file, ...tabSeparated(file, text) }),
};

/**
 * Reads a data file by its extension: .txt, .jsonl or .tsv, UTF-8, at most 500 MB.
 * Throws InputError with the file (and line, where there is one) for anything that it cannot use.
 */
export async function readDataset(file: string): Promise<Dataset> {
  readerOf(file);
  return parseDataset(file, decodeUtf8(file, await readBytes(file)));
}

/** The same for text that is already in memory; the name's extension says how it is read. */
export function parseDataset(file: string, text: string): Dataset {
  const read = readerOf(file);
  const clean = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  if (clean.trim() === '') throw new InputError('empty text', { place: { file } });
  return read(file, clean);
}

function readerOf(file: string): (file: string, text: string) => Dataset {
  const extension = extname(file).toLowerCase();
  if (!Object.hasOwn(READERS, extension)) {
    throw new InputError(`expected a ${Object.keys(READERS).join(', ')} file, found "${extension}"`, {
      place: { file },
    });
  }
  return READERS[extension]!;
}

/** A regular file's bytes: a pipe could block, or deliver without end. */
async function readBytes(file: string): Promise<Uint8Array> {
  try {
    const status = await stat(file);
    if (!status.isFile()) throw new InputError('not a regular file', { place: { file } });
    if (status.size > MAX_BYTES) {
      const found = `${Math.ceil(status.size / 1e6)} MB`;
      throw new InputError(`expected at most ${MAX_BYTES / 1e6} MB of text, found ${found}`, {
        place: { file },
        note: 'split the file, or take a part of it',
      });
    }
    return await readFile(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw new InputError(reason, { place: { file }, cause: error });
  }
}

/** Bytes to text; bytes that are no UTF-8 are an error with their line, not replacement characters. */
export function decodeUtf8(file: string, bytes: Uint8Array): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new InputError('expected UTF-8, found UTF-16', {
      place: { file },
      note: 'convert it: iconv -f UTF-16 -t UTF-8',
    });
  }
  if (isUtf8(bytes)) return new TextDecoder('utf-8').decode(bytes);
  // A line feed is never part of a longer UTF-8 sequence, so the lines can be checked one by one.
  let line = 1;
  let start = 0;
  for (;;) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed < 0 ? bytes.length : feed;
    if (feed < 0 || !isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
    line++;
  }
  throw new InputError('expected UTF-8, found other bytes on this line', { place: { file, line } });
}
