import { InputError, suggest } from '../errors.ts';

/** One line of a .jsonl or .tsv file. */
export interface DataRecord {
  file: string;
  /** 1-based. */
  line: number;
  /** A TSV file's values are all strings. Keys are the user's: look them up with `Object.hasOwn`. */
  values: Record<string, unknown>;
}

/** Keeps a file of tiny lines from filling the memory. */
const MAX_RECORDS = 2_000_000;

interface Records {
  columns: string[];
  records: Iterable<DataRecord>;
}

/** JSON Lines: an object a line; blank lines are skipped. Throws InputError if the first record is bad. */
export function jsonLines(file: string, text: string): Records {
  const records = {
    *[Symbol.iterator]() {
      for (const { line, content } of lines(file, text)) {
        yield { file, line, values: parseObject(content, file, line) };
      }
    },
  };
  const columns: string[] = [];
  for (const { values } of records) {
    columns.push(...Object.keys(values).slice(0, 1000));
    break;
  }
  return { columns, records };
}

/**
 * Tab-separated values as GLUE writes them: a header, then a record a line; quotes mean nothing; blank lines are
 * skipped. Throws InputError if the header is bad.
 */
export function tabSeparated(file: string, text: string): Records {
  let columns: string[] = [];
  let headerLine = 0;
  for (const { line, content } of lines(file, text)) {
    columns = content.split('\t').map((name) => name.trim());
    headerLine = line;
    break;
  }
  const twice = columns.find((name, index) => columns.indexOf(name) < index);
  if (twice !== undefined) {
    throw new InputError(`two columns are named "${twice}"`, { place: { file, line: headerLine } });
  }
  const records = {
    *[Symbol.iterator]() {
      for (const { line, content } of lines(file, text)) {
        if (line === headerLine) continue;
        const cells = content.split('\t');
        if (cells.length !== columns.length) {
          throw new InputError(`expected ${columns.length} cells as in the header, found ${cells.length}`, {
            place: { file, line },
          });
        }
        const values: Record<string, unknown> = Object.create(null);
        columns.forEach((name, index) => {
          values[name] = cells[index];
        });
        yield { file, line, values };
      }
    },
  };
  return { columns, records };
}

/** The lines that hold something, without their line ends. */
function* lines(file: string, text: string): Generator<{ line: number; content: string }> {
  let count = 0;
  for (let start = 0, line = 1; start < text.length; line++) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    const content = text.slice(start, end);
    start = end + 1;
    if (content.trim() === '') continue;
    if (++count > MAX_RECORDS) {
      throw new InputError(`more than ${MAX_RECORDS.toLocaleString('en')} records`, {
        place: { file, line },
        note: 'limit how many are scored, or split the file',
      });
    }
    yield { line, content };
  }
}

function parseObject(content: string, file: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InputError(`not JSON: ${reason}`, { place: { file, line }, cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`expected a JSON object, found ${describe(value)}`, { place: { file, line } });
  }
  return value as Record<string, unknown>;
}

/** A record's value of a column, or an InputError that says which columns there are. */
function field(record: DataRecord, column: string): unknown {
  if (!Object.hasOwn(record.values, column)) throw missingColumn(record, column);
  return record.values[column];
}

function missingColumn(record: DataRecord, column: string): InputError {
  return new InputError(`no column "${column}"`, {
    place: { file: record.file, line: record.line },
    note: suggest(column, Object.keys(record.values).slice(0, 50)),
  });
}

function wrong(record: DataRecord, column: string, expected: string, value: unknown): InputError {
  return new InputError(`expected ${expected}, found ${describe(value)}`, {
    place: { file: record.file, line: record.line, key: column },
  });
}

/** A column's text. */
export function textField(record: DataRecord, column: string): string {
  const value = field(record, column);
  if (typeof value !== 'string') throw wrong(record, column, 'text', value);
  return value;
}

/** A column's list of at least `least` texts. */
export function textsField(record: DataRecord, column: string, least: number): string[] {
  const value = field(record, column);
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw wrong(record, column, 'a list of texts', value);
  }
  if (value.length < least) throw wrong(record, column, `at least ${least} texts`, value);
  return value;
}

/** A column's class or choice: a whole number (or its decimal digits) in [0, count). */
export function labelField(record: DataRecord, column: string, count = Number.POSITIVE_INFINITY): number {
  const value = field(record, column);
  const digits = typeof value === 'string' ? value.trim() : '';
  const label = /^\d{1,9}$/.test(digits) ? Number(digits) : value;
  const bound = Number.isFinite(count) ? `0 to ${count - 1}` : 'from 0';
  if (typeof label !== 'number' || !Number.isSafeInteger(label) || label < 0 || label >= count) {
    throw wrong(record, column, `a whole number ${bound}`, value);
  }
  return label;
}

/** What a value is, briefly: files are hostile, so at most 40 of its characters are repeated. */
function describe(value: unknown): string {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return 'an object';
}
