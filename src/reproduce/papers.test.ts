import { expect, test } from 'vitest';
import { InputError } from '../errors.ts';
import { compareEntry } from './entry.ts';
import { basisOf, paperNames, reproduce, scoreOf } from './papers.ts';

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

test('a score says what it rests on', () => {
  const entry = (ours: number | undefined, note: string) =>
    compareEntry({ id: note, source: '', unit: '', paper: 1, ours, tolerance: { kind: 'exact' }, note });
  const entries = [
    entry(1, 'counted'),
    entry(1, '[derived] a reading'),
    entry(1, 'at a voltage [inferred from this table]; SYNTHETIC rates'),
    entry(1, 'with a share that the bar implies [fitted]'),
    entry(2, '[derived from this figure]'),
    entry(undefined, 'needs weights'),
  ];
  expect(entries.map(basisOf)).toEqual([
    ...[undefined, 'derived', 'synthetic', 'fitted', 'derived', undefined],
  ]);
  expect(scoreOf({ paper: 'x', entries })).toEqual({
    paper: 'x',
    entries: 6,
    reproduced: 4,
    derived: 1,
    fitted: 1,
    synthetic: 1,
    off: 1,
    missing: 1,
  });
});
