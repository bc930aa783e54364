import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { InputError } from '../errors.ts';
import { decodeUtf8, parseDataset, readDataset } from './data.ts';
import { type DataRecord, labelField, textField, textsField } from './records.ts';

/** All records of a file given as text, without their places. */
function valuesOf(file: string, text: string) {
  return recordsOf(file, text).map(({ values }) => ({ ...values }));
}

function recordsOf(file: string, text: string): DataRecord[] {
  const data = parseDataset(file, text);
  if (data.kind !== 'records') throw new Error('expected records');
  return [...data.records];
}

/** The message of the InputError that `run` must throw. */
function errorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof InputError) return error.format();
    throw error;
  }
  throw new Error('expected an InputError, found success');
}

describe('text files', () => {
  test('lose a byte-order mark and carriage returns, nothing else', () => {
    const data = parseDataset('a.txt', '\uFEFF one\r\n\r\ntwo\n');
    expect(data).toEqual({ kind: 'text', file: 'a.txt', text: ' one\n\ntwo\n' });
  });

  test.each(['', ' \n\t\r\n', '\uFEFF'])('%j is an empty text', (text) => {
    for (const file of ['a.txt', 'a.jsonl', 'a.tsv']) {
      expect(errorOf(() => parseDataset(file, text))).toBe(`${file}: empty text`);
    }
  });

  test('are told from others by their extension', () => {
    expect(parseDataset('A.TXT', 'x').kind).toBe('text');
    expect(errorOf(() => parseDataset('a.csv', 'x'))).toBe(
      'a.csv: expected a .txt, .jsonl, .tsv file, found ".csv"',
    );
  });
});

describe('JSON Lines', () => {
  test('give an object a line with its line number; blank lines are skipped', () => {
    const records = recordsOf('a.jsonl', '\n{"text":"a"}\r\n  \n{"text":"b","n":1}');
    expect(records).toEqual([
      { file: 'a.jsonl', line: 2, values: { text: 'a' } },
      { file: 'a.jsonl', line: 4, values: { text: 'b', n: 1 } },
    ]);
  });

  test('say what is wrong with a line, and where', () => {
    expect(errorOf(() => recordsOf('a.jsonl', '{"text":"a"}\n\n{"text":'))).toMatch(
      /^a\.jsonl:3: not JSON: /,
    );
    expect(errorOf(() => recordsOf('a.jsonl', '[1]'))).toBe(
      'a.jsonl:1: expected a JSON object, found a list of 1',
    );
    expect(errorOf(() => recordsOf('a.jsonl', '{}\nnull'))).toBe(
      'a.jsonl:2: expected a JSON object, found null',
    );
  });

  test('are not parsed beyond what is asked for', () => {
    const data = parseDataset('a.jsonl', '{"text":"a"}\nbroken');
    if (data.kind !== 'records') throw new Error('expected records');
    for (const record of data.records) {
      expect(textField(record, 'text')).toBe('a');
      break;
    }
  });

  test('keep keys that objects inherit apart from those that they have', () => {
    const [record] = recordsOf('a.jsonl', '{"__proto__":"own"}');
    expect(textField(record!, '__proto__')).toBe('own');
    expect(errorOf(() => textField(record!, 'constructor'))).toContain('no column "constructor"');
  });
});

describe('tab-separated values', () => {
  test('have a header and as many cells in every line; quotes mean nothing', () => {
    expect(valuesOf('a.tsv', 'sentence\tlabel\n"so good \t1\n\n \'s bad\t0\n')).toEqual([
      { sentence: '"so good ', label: '1' },
      { sentence: " 's bad", label: '0' },
    ]);
  });

  test('say what is wrong with a line, and where', () => {
    expect(errorOf(() => valuesOf('a.tsv', 'a\tb\n1\t2\n1\n'))).toBe(
      'a.tsv:3: expected 2 cells as in the header, found 1',
    );
    expect(errorOf(() => valuesOf('a.tsv', '\na\ta\n'))).toBe('a.tsv:2: two columns are named "a"');
  });
});

describe('columns', () => {
  const record: DataRecord = {
    file: 'a.jsonl',
    line: 7,
    values: { sentence: 'so good', label: '1', score: 0.5, endings: ['a', 'b'] },
  };

  test('that are missing are named with the nearest one', () => {
    expect(errorOf(() => textField(record, 'sentense'))).toBe(
      'a.jsonl:7: no column "sentense"\n' +
        '  did you mean "sentence"? known: sentence, label, score, endings',
    );
  });

  test('hold texts', () => {
    expect(textField(record, 'sentence')).toBe('so good');
    expect(errorOf(() => textField(record, 'score'))).toBe('a.jsonl:7: score: expected text, found 0.5');
    expect(textsField(record, 'endings', 2)).toEqual(['a', 'b']);
    expect(errorOf(() => textsField(record, 'endings', 3))).toContain(
      'expected at least 3 texts, found a list of 2',
    );
    expect(errorOf(() => textsField(record, 'label', 1))).toContain('expected a list of texts, found "1"');
  });

  test('hold labels, as numbers or digits, in their range', () => {
    const label = (value: unknown, count?: number) =>
      labelField({ ...record, values: { label: value } }, 'label', count);
    expect(label(3)).toBe(3);
    expect(label(' 1 ', 2)).toBe(1);
    expect(errorOf(() => label('1', 1))).toBe('a.jsonl:7: label: expected a whole number 0 to 0, found "1"');
    for (const wrong of ['', 'positive', '-1', '1.5', '0x1', -1, 1.5, Number.NaN, null, true, [1], {}]) {
      expect(errorOf(() => label(wrong))).toContain('expected a whole number from 0');
    }
  });
});

describe('files', () => {
  test('are read as UTF-8', async () => {
    const file = join(await temporaryFolder(), 'a.txt');
    await writeFile(file, '\uFEFFnaïve 日本\n');
    expect(await readDataset(file)).toEqual({ kind: 'text', file, text: 'naïve 日本\n' });
  });

  test('that are no UTF-8 are refused with the line', () => {
    const bytes = (...parts: (string | number[])[]) =>
      Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
    const refusal = 'expected UTF-8, found other bytes on this line';
    expect(errorOf(() => decodeUtf8('a.txt', bytes('one\nna', [0xef], 've\n')))).toBe(`a.txt:2: ${refusal}`);
    expect(errorOf(() => decodeUtf8('a.txt', bytes('naïve\n\n', [0xc3])))).toBe(`a.txt:3: ${refusal}`);
    expect(errorOf(() => decodeUtf8('a.txt', bytes([0xff, 0xfe, 0x61, 0])))).toContain('found UTF-16');
  });

  test('that are missing, folders or unreadable are refused', async () => {
    const folder = await temporaryFolder();
    const missing = join(folder, 'a.txt');
    expect(await inputErrorOf(readDataset(missing))).toBe(`${missing}: no such file`);

    expect(await inputErrorOf(readDataset(folder))).toContain('expected a .txt, .jsonl, .tsv file');
    expect(await inputErrorOf(readDataset('/dev/null'))).toContain('expected a .txt, .jsonl, .tsv file');
    const inner = join(folder, 'folder.txt');
    await mkdir(inner);
    expect(await inputErrorOf(readDataset(inner))).toBe(`${inner}: not a regular file`);
    const large = join(folder, 'large.txt');
    await writeFile(large, '');
    // A sparse file: nothing of it is on the disk.
    await truncate(large, 500e6 + 1);
    expect(await inputErrorOf(readDataset(large))).toContain('expected at most 500 MB of text, found 501 MB');
    expect(await inputErrorOf(readDataset(`${'long'.repeat(100)}.txt`))).toContain('cannot be read');
  });

  test('of any content give records or an InputError, and nothing else', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json({ maxDepth: 2 }),
      fc
        .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 5 })
        .map((value) => JSON.stringify(value)),
      fc.array(fc.string()).map((cells) => cells.join('\t')),
    );
    const content = fc.array(line, { maxLength: 5 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(
        fc.constantFrom('a.txt', 'a.jsonl', 'a.tsv'),
        content,
        fc.string(),
        (file, text, column) => {
          try {
            const data = parseDataset(file, decodeUtf8(file, Buffer.from(text)));
            if (data.kind === 'records') {
              for (const record of data.records) {
                try {
                  labelField(record, column, 4);
                } catch (error) {
                  expect(error).toBeInstanceOf(InputError);
                }
              }
            }
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        },
      ),
    );
  });
});
