import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../bin/tapeout.js', import.meta.url));

function reproduce(...args: string[]) {
  return spawnSync(process.execPath, [LAUNCHER, 'reproduce', ...args], { encoding: 'utf8' });
}

it('prints a table a paper and one scoreboard, in at most 100 columns', () => {
  const { status, stdout } = reproduce('all');
  expect(status).toBe(0);
  for (const text of ['fig16.speed.anda-1%', 'overhead.output-stationary.area', 'needs more', 'total'])
    expect(stdout).toContain(text);
  for (const line of stdout.split('\n').filter((line) => !line.includes(', ')))
    expect(line.length).toBeLessThanOrEqual(100);
});

it('prints JSON with the entries and the scoreboard', () => {
  const { papers, scoreboard } = JSON.parse(reproduce('anda', '--json').stdout);
  expect(papers).toHaveLength(1);
  expect(papers[0].entries[0]).toMatchObject({ id: 'pe.area.fp-int', paper: 1.59, holds: true });
  expect(scoreboard[0]).toMatchObject({ paper: 'anda', missing: 2 });
});

it('refuses a paper that it does not know', () => {
  const { status, stderr } = reproduce('andy');
  expect(status).toBe(2);
  expect(stderr).toContain('did you mean "anda"');
});
