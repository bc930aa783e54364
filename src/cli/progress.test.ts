import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createProgress, type ProgressView, renderBar, renderLine } from './progress.ts';

const view: ProgressView = { label: 'perplexity', done: 3000, total: 10_000, unit: 'tokens', rate: 1234 };

describe('a line', () => {
  test('has label, share, rate and time left', () => {
    expect(renderLine(view)).toBe('perplexity 30 % 1,234 tokens/s ETA 6 s');
    expect(renderLine({ ...view, rate: 0 })).toBe('perplexity 30 %');
    expect(renderLine({ ...view, done: 10_000 })).toBe('perplexity 100 % 1,234 tokens/s');
    expect(renderLine({ label: 'model', done: 2e6, total: 20e6, unit: 'bytes', rate: 1e6 })).toBe(
      'model 10 % 1.0 MB/s ETA 18 s',
    );
  });

  test.each([
    [59, '59 s'],
    [60, '1 min 00 s'],
    [3599, '59 min 59 s'],
    [3600, '1 h 00 min'],
    [90_000, '1 d 01 h'],
  ])('gives %d seconds as %s', (seconds, text) => {
    expect(renderLine({ ...view, done: 0, total: seconds, rate: 1 })).toContain(`ETA ${text}`);
  });

  test('counts nothing to do as done, and shows no control characters', () => {
    expect(renderLine({ ...view, done: 0, total: 0, rate: 0 })).toBe('perplexity 100 %');
    expect(renderLine({ ...view, label: 'a\x1b[2J\nb', rate: 0 })).toBe('a?[2J?b 30 %');
  });
});

describe('a bar', () => {
  test('drops what does not fit', () => {
    expect(renderBar(view, 100)).toBe(
      `perplexity ${'━'.repeat(9)}${'─'.repeat(21)}  30 % 3,000/10,000 tokens 1,234 tokens/s ETA 6 s`,
    );
    expect(renderBar(view, 60)).toBe(
      `perplexity ${'━'.repeat(5)}${'─'.repeat(14)}  30 % 1,234 tokens/s ETA 6 s`,
    );
    expect(renderBar(view, 35)).toBe(`perplexity ${'━'.repeat(2)}${'─'.repeat(7)}  30 % ETA 6 s`);
    expect(renderBar(view, 10)).toBe('perp 30 %');
  });

  test('is narrower than the terminal, whatever it shows', () => {
    const states = fc.record({
      label: fc.string(),
      done: fc.nat(),
      total: fc.nat(),
      unit: fc.constantFrom('tokens', 'bytes'),
      rate: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    fc.assert(
      fc.property(states, fc.integer({ min: 1, max: 200 }), (state, columns) => {
        expect(renderBar(state, columns).length).toBeLessThan(columns);
      }),
    );
  });
});

describe('progress', () => {
  /** A stream that keeps what is written, and a clock that stands still unless moved. */
  function rig(options: { isTTY?: boolean; quiet?: boolean }) {
    const written: string[] = [];
    const clock = { time: 0 };
    const stream = { ...options, columns: 80, write: (text: string) => written.push(text) };
    const progress = createProgress({
      stream,
      terminal: options.isTTY ?? false,
      quiet: options.quiet ?? false,
      now: () => clock.time,
    });
    return { written, clock, progress };
  }
  const at = (done: number, label = 'a') => ({ label, done, total: 100, unit: 'tokens' });

  test('redraws at most ten times a second on a terminal, shows the end, and clears itself', () => {
    const { written, clock, progress } = rig({ isTTY: true });
    for (let time = 0; time <= 1000; time += 10) {
      clock.time = time;
      progress.report(at(time / 20));
    }
    expect(written).toHaveLength(11);
    expect(written.at(-1)).toBe(
      `\ra ${'━'.repeat(15)}${'─'.repeat(15)}  50 % 50/100 tokens 50 tokens/s ETA 1 s\x1b[K`,
    );
    progress.report(at(100));
    expect(written.at(-1)).toContain('100 %');
    progress.finish();
    expect(written.at(-1)).toBe('\r\x1b[K');
    const count = written.length;
    progress.finish();
    expect(written).toHaveLength(count);
  });

  test('writes a line every five seconds elsewhere, none for what is quick', () => {
    const { written, clock, progress } = rig({});
    for (let time = 0; time < 12_000; time += 100) {
      clock.time = time;
      progress.report(at(time / 120));
    }
    progress.finish();
    expect(written).toEqual(['a 41 % 8.3 tokens/s ETA 8 s\n', 'a 83 % 8.3 tokens/s ETA 3 s\n']);
  });

  test('starts a new rate with a new label', () => {
    const { written, clock, progress } = rig({ isTTY: true });
    progress.report(at(90));
    clock.time = 1000;
    progress.report(at(10, 'b'));
    clock.time = 2000;
    progress.report(at(20, 'b'));
    expect(written.at(-1)).toContain('10 tokens/s ETA 8 s');
  });

  test('can be quiet', () => {
    const { written, progress } = rig({ isTTY: true, quiet: true });
    progress.report(at(1));
    progress.finish();
    expect(written).toEqual([]);
  });
});
