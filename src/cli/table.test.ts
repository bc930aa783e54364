import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, renderTable, wrap } from './table.ts';

const right = 'right' as const;

describe('renderTable', () => {
  it('aligns words to the left and numbers to the right, under their titles', () => {
    const text = renderTable(
      [{ title: 'machine' }, { title: 'perplexity', align: right }],
      [
        ['int8', '9.5'],
        ['smoothquant', '12.25'],
      ],
    );
    expect(text).toBe(
      [
        'machine      perplexity',
        '-----------  ----------',
        'int8                9.5',
        'smoothquant       12.25',
      ].join('\n'),
    );
  });

  it('has no head without titles, and pads missing cells', () => {
    expect(renderTable([{ title: '' }, { title: '' }], [['a', 'b'], ['long']])).toBe('a     b\nlong');
    expect(renderTable([{ title: 'a' }], [])).toBe('a\n-');
  });

  it('wraps the columns that may wrap', () => {
    const rows = [['x', 'one two three four five six', '1']];
    expect(
      renderTable([{ title: 'n' }, { title: 'text', wrap: true }, { title: '#', align: right }], rows, 24),
    ).toBe(
      [
        'n  text                #',
        '-  ------------------  -',
        'x  one two three four  1',
        '   five six',
      ].join('\n'),
    );
  });

  it('cuts where nothing may wrap', () => {
    expect(renderTable([{ title: '' }, { title: '' }], [['a'.repeat(30), 'b']], 20)).toBe(
      `${'a'.repeat(16)}…  b`,
    );
  });

  it('keeps lines whole that hold line breaks or escapes', () => {
    expect(renderTable([{ title: '' }, { title: '' }], [['a\nb\u001b[2J', 'c']])).toBe('a b [2J  c');
  });

  it('counts the columns of a terminal, not characters', () => {
    expect(displayWidth('a×b')).toBe(3);
    expect(displayWidth('日本語')).toBe(6);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('\u{1f600}!')).toBe(3);
    expect(
      renderTable(
        [{ title: '' }, { title: '' }],
        [
          ['日本', '1'],
          ['abcd', '2'],
        ],
      ),
    ).toBe('日本  1\nabcd  2');
  });

  it('never exceeds its width while columns can give way', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }),
        fc.integer({ min: 40, max: 100 }),
        (rows, width) => {
          const columns = [{ title: 'one' }, { title: 'two', align: right }, { title: 'three', wrap: true }];
          for (const line of renderTable(columns, rows, width).split('\n')) {
            expect(displayWidth(line)).toBeLessThanOrEqual(width);
          }
        },
      ),
    );
  });
});

describe('wrap', () => {
  it('breaks at spaces, and words that are too long anywhere', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('a abcdefghij b', 4)).toEqual(['a', 'abcd', 'efgh', 'ij b']);
    expect(wrap('', 4)).toEqual(['']);
    expect(wrap('日本語', 1)).toEqual(['日', '本', '語']);
  });
});
