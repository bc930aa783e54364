import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { type LogHeader, SearchLog } from './search-log.ts';

const HEADER = { tapeout: '1', tolerance: 0.01, starts: [[4, 4]], text: 'Übung' };
const ENTRIES = [
  { step: 1, metric: Number.NaN },
  { step: 2, metric: 0.1 + 0.2 },
  { step: 3, metric: Number.POSITIVE_INFINITY },
];

async function written(): Promise<string> {
  const file = join(await temporaryFolder(), 'log.jsonl');
  const log = new SearchLog(file, HEADER);
  expect(log.lines).toEqual([]);
  for (const entry of ENTRIES) log.append(entry);
  log.close();
  return file;
}

function reopen(file: string, header: LogHeader = HEADER) {
  const log = new SearchLog(file, header);
  log.close();
  return log.lines;
}

const message = (file: string, header?: LogHeader) => inputErrorOf((async () => reopen(file, header))());

describe('the log of a search', () => {
  it('gives back what was written, to the last bit', async () => {
    expect(reopen(await written())).toEqual(ENTRIES);
  });

  it('survives being cut anywhere, and goes on from what is whole', async () => {
    const file = await written();
    const bytes = readFileSync(file);
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(file, bytes);
      truncateSync(file, length);
      const whole = Math.max(0, bytes.subarray(0, length).filter((byte) => byte === 10).length - 1);
      const log = new SearchLog(file, HEADER);
      expect(log.lines).toEqual(ENTRIES.slice(0, whole));
      for (const entry of ENTRIES.slice(whole)) log.append(entry);
      log.close();
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });

  it('cuts off a last line of garbage', async () => {
    const file = await written();
    const bytes = readFileSync(file);
    for (const garbage of ['\0\0\0\0', '\0\0\n', '{"step":', '[1]\n', Buffer.from([0xff, 0xc3])]) {
      writeFileSync(file, bytes);
      appendFileSync(file, garbage);
      expect(reopen(file)).toEqual(ENTRIES);
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
  });

  it('is refused to another search, with both values', async () => {
    const file = await written();
    const found = await message(file, { ...HEADER, tolerance: 0.001 });
    expect(found).toContain(
      `${file}:1: tolerance: the log is of another search: tolerance is 0.001 now, 0.01 in it`,
    );
    expect(await message(file, { ...HEADER, starts: [[5, 5]] })).toContain(
      'starts is [[5,5]] now, [[4,4]] in it',
    );
    expect(await message(file, { ...HEADER, seed: 1 })).toContain('seed is 1 now, absent in it');
    const { text: _, ...less } = HEADER;
    expect(await message(file, less)).toContain('text is absent now, "Übung" in it');
  });

  it.each([
    ['a text', 'my only copy of a poem'],
    ['a text with lines', 'a\nb\n'],
    ['another JSON file', '{"a": 1}\n'],
    ['a list', '[1, 2]\n'],
    ['zeros', '\0\0\0\0'],
  ])('leaves %s alone', async (_, content) => {
    const file = join(await temporaryFolder(), 'file');
    writeFileSync(file, content);
    expect(await message(file)).toContain('expected the log of a precision search, found another file');
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it('that is damaged in the middle is not guessed at', async () => {
    const file = await written();
    writeFileSync(file, readFileSync(file, 'utf8').replace('{"step":2', '{"step"'));
    expect(await message(file)).toContain(`${file}:3: expected a line of JSON`);
  });

  it('that cannot be a file is bad input', async () => {
    const folder = await temporaryFolder();
    expect(await message(folder)).toContain('not an ordinary file');
    expect(await message(join(folder, 'none', 'log.jsonl'))).toContain('expected a file that can be written');
  });
});
