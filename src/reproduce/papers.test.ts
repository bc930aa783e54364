import { expect, test } from 'vitest';
import { InputError } from '../errors.ts';
import { paperNames, reproduce, scoreOf } from './papers.ts';

test('every paper has entries of its name, and its score adds up', async () => {
  const papers = await reproduce('all');
  expect(papers.map(({ paper }) => paper)).toEqual(paperNames());
  for (const paper of papers) {
    const { entries, reproduced, off, missing } = scoreOf(paper);
    expect(entries).toBe(paper.entries.length);
    expect(reproduced + off + missing).toBe(entries);
    expect(reproduced).toBeGreaterThan(0);
  }
});

test('a paper that is none', async () => {
  await expect(reproduce('andy')).rejects.toThrow(InputError);
  await expect(reproduce('andy')).rejects.toThrow('expected a paper, found "andy"');
  await expect(reproduce('constructor')).rejects.toThrow(InputError);
});
