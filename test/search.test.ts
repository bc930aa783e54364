import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { PrecisionSearchResult } from '../src/search/index.ts';
import { temporaryFolder } from './checkpoint-files.ts';
import { sharedData } from './golden.ts';

const LAUNCHER = fileURLToPath(new URL('../bin/tapeout.js', import.meta.url));

/** Both operands of a class in int8, bfloat16, tf32 or float32: seven steps, some of them rejected. */
const FORMATS = [
  ...['search', 'precision', '--machine', 'float32', '--vary', 'operands.format'],
  ...['--formats', 'int8', 'bfloat16', 'tf32', 'float32', '--set', 'granularity=tensor'],
];
const DATA = ['--limit', '10', '--context', '64', '--workers', '1'];
const SEARCH = [...FORMATS, ...DATA, '--tolerance', '0.0005', '--json'];

function tapeout(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function search(...args: string[]): PrecisionSearchResult {
  const { status, stdout, stderr } = tapeout(...SEARCH, ...args);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);

/** Starts a search and returns once its log has so many lines. */
async function startUntil(lines: number, log: string, ...args: string[]) {
  const child = spawn(process.execPath, [LAUNCHER, ...SEARCH, '--log', log, ...args]);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const end = new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (code, signal) => resolve([code, signal])),
  );
  while (linesOf(log) < lines && child.exitCode === null)
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 5))]);
  return { child, end, text: () => said };
}

describe('tapeout search precision', () => {
  it('finds a machine that evaluates to what the search says', async () => {
    const out = join(await temporaryFolder(), 'best.yaml');
    const { steps, best, ended, reference, tolerance, classes } = search('--out', out);
    expect(ended).toBe('exhausted');
    expect(classes.map(({ name, sites }) => [name, ...sites])).toEqual([
      ['qkv', 'q', 'k', 'v'],
      ['o', 'o'],
      ['u', 'gate', 'up'],
      ['d', 'down'],
    ]);
    expect(steps[0]!.combination).toEqual([8, 8, 8, 8]);
    expect(steps[0]!.saving).toBe(4);
    expect(new Set(steps.map(({ verdict }) => verdict)).size).toBe(2);
    for (const { metric, verdict } of steps)
      expect(verdict === 'accepted').toBe(metric <= reference.value * (1 + tolerance));
    expect(best).toEqual(steps.findLast(({ verdict }) => verdict === 'accepted'));
    expect(readFileSync(out, 'utf8')).toContain(`name: float32-${best!.combination.join('-')}`);
    const evaluated = JSON.parse(tapeout('eval', '--machine', out, ...DATA, '--json').stdout);
    expect(evaluated.perplexity).toBe(best!.metric);
  });

  it('reuses weights between steps that differ in activations only, to the same bits', async () => {
    const out = join(await temporaryFolder(), 'best.yaml');
    const vary = ['--vary', 'activations.format', '--formats', 'bfloat16', 'tf32', 'float32'];
    const args = ['search', 'precision', '--machine', 'tf32', ...vary, ...DATA, '--json'];
    const { status, stdout, stderr } = tapeout(
      ...[...args, '--tolerance', '2e-5', '--reference', 'float32', '--out', out],
    );
    expect(status, stderr).toBe(0);
    const { best, steps }: PrecisionSearchResult = JSON.parse(stdout);
    expect(steps.length).toBeGreaterThan(1);
    const evaluated = JSON.parse(tapeout('eval', '--machine', out, ...DATA, '--json').stdout);
    expect(evaluated.perplexity).toBe(best!.metric);
  });

  it('goes up with a metric that is better higher', () => {
    const { status, stdout } = tapeout(
      ...[...FORMATS, '--model', 'demo-bert', '--limit', '40', '--tolerance', '0.5', '--json'],
    );
    expect(status).toBe(0);
    const { steps, best, reference }: PrecisionSearchResult = JSON.parse(stdout);
    expect(reference).toMatchObject({ metric: 'accuracy', better: 'higher' });
    expect(steps).toHaveLength(1);
    expect(best!.metric).toBeGreaterThan(0.5 * reference.value);
  });

  it('prints a table as it goes', () => {
    const { status, stdout } = tapeout(...SEARCH.filter((arg) => arg !== '--json'), '--iterations', '2');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^reference float32-float16: perplexity [\d.]+; accepted: at most [\d.]+\n\nstep +qkv +o +u +d/,
    );
    expect(stdout).toContain('stopped after 2 iterations, with cheaper combinations left');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });
});

describe('a search that is interrupted', () => {
  it('ends as if it had not been, wherever it was killed', async () => {
    const folder = await temporaryFolder();
    const whole = search('--log', join(folder, 'whole.jsonl'));
    const total = linesOf(join(folder, 'whole.jsonl'));
    expect(total).toBe(whole.steps.length + 2);
    // Before there is a log, with its header, with the reference, and amid the steps; one log through all of it, too.
    const through = join(folder, 'through.jsonl');
    for (const lines of [0, 1, 4, total - 1]) {
      for (const log of [join(folder, `killed-at-${lines}.jsonl`), through]) {
        const { child, end } = await startUntil(lines, log);
        child.kill('SIGKILL');
        const [status, signal] = await end;
        // Amid the last step a slow test may come too late.
        if (lines < total - 1 || status !== 0) expect(signal).toBe('SIGKILL');
        const kept = linesOf(log);
        expect(kept).toBeLessThanOrEqual(total);
        if (log === through) continue;
        if (lines === 4) appendFileSync(log, '{"step":3,"combination":[8,');
        const { replayed, ...resumed } = search('--log', log);
        expect(replayed).toBe(Math.max(0, kept - 2));
        expect({ ...resumed, replayed: 0 }).toEqual(whole);
      }
    }
    const { replayed, ...resumed } = search('--log', through);
    expect(replayed).toBeGreaterThanOrEqual(total - 3);
    expect({ ...resumed, replayed: 0 }).toEqual(whole);
    expect(readFileSync(through, 'utf8')).toBe(readFileSync(join(folder, 'whole.jsonl'), 'utf8'));
  }, 180_000);

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s says where it goes on', async (signal, status) => {
    const log = join(await temporaryFolder(), 'log.jsonl');
    const { child, end, text } = await startUntil(3, log, '--workers', '2');
    child.kill(signal);
    expect(await end).toEqual([status, null]);
    expect(text()).toMatch(/stopped after \d steps: the same command goes on from .*log\.jsonl\n$/);
    expect(text()).not.toContain('    at ');
    expect(readFileSync(log, 'utf8')).toMatch(/\n$/);
  });

  it('goes on with more iterations, and not with another tolerance', async () => {
    const log = join(await temporaryFolder(), 'log.jsonl');
    expect(search('--log', log, '--iterations', '1').ended).toBe('iterations');
    expect(search('--log', log)).toMatchObject({ replayed: 1, ended: 'exhausted' });
    const { status, stderr, stdout } = tapeout(...SEARCH, '--log', log, '--tolerance', '0.5');
    expect(stderr).toContain(
      'log.jsonl:1: tolerance: the log is of another search: tolerance is 0.5 now, 0.0005 in it',
    );
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('is refused other steps', async () => {
    const log = join(await temporaryFolder(), 'log.jsonl');
    search('--log', log);
    writeFileSync(
      log,
      readFileSync(log, 'utf8').replace('"combination":[16,16,16,16]', '"combination":[16,16,16,8]'),
    );
    const { status, stderr } = tapeout(...SEARCH, '--log', log);
    expect(stderr).toContain('log.jsonl:4: expected the next step of this search');
    expect(status).toBe(2);
  });
});

describe('bad input', () => {
  it.each([
    ['an unknown class', ['--classes', 'qkv', 'uu'], 'unknown class "uu"'],
    ['a class without sites in the model', ['--classes', 'x=pooler'], 'demo-llama has none of pooler'],
    ['a tolerance above 1', ['--tolerance', '1.5'], '--tolerance: expected a share from 0 to 1, found 1.5'],
    ['a tolerance below 0', ['--tolerance=-0.1'], '--tolerance: expected a share from 0 to 1, found -0.1'],
    ['a tolerance that is no number', ['--tolerance', 'little'], 'expected a share such as 0.01'],
    ['no iterations', ['--iterations', '0'], 'expected a whole number of at least 1'],
    ['a start that is no range', ['--start', '4-13'], 'expected a range such as 4..13'],
    [
      'a start outside the widths',
      ['--start', '4..13'],
      '--start: expected a range within 8..32, found 4..13',
    ],
    ['a start between the widths', ['--start', '9..10'], 'widths of operands.format: 8, 16, 19, 32'],
    ['a start that goes down', ['--start', '19..8'], '--start: expected a range'],
    ['an unknown machine', ['--machine', 'int9'], 'did you mean "int4"?'],
    ['an unknown format', ['--formats', 'int8', 'flaot16'], 'did you mean "float16"?'],
    ['an unknown reference', ['--reference', 'flaot32'], 'did you mean "float32"?'],
    ['a folder that is not there', ['--out', 'nowhere/best.yaml'], 'expected a folder to write into'],
    ['a log that is a folder', ['--log', '.'], 'not an ordinary file'],
    ['a misspelt option', ['--tolerence', '0.1'], 'Did you mean --tolerance?'],
  ])('%s', (_, args, message) => {
    const { status, stdout, stderr } = tapeout(...SEARCH, ...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('a reference that fails', async () => {
    // The demo encoder, asked for classes that it never predicts.
    const data = join(await temporaryFolder(), 'wrong.tsv');
    const { stdout } = tapeout('eval', '--model', 'demo-bert', '--limit', '1', '--json');
    const [first] = readFileSync(
      fileURLToPath(new URL('../models/texts/sentiment.tsv', import.meta.url)),
      'utf8',
    )
      .split('\n')
      .slice(1);
    const [text, label] = first!.split('\t');
    const right = JSON.parse(stdout).accuracy === 1 ? Number(label) : 1 - Number(label);
    writeFileSync(data, `sentence\tlabel\n${text}\t${1 - right}\n`);
    const { status, stderr } = tapeout(...FORMATS, '--model', 'demo-bert', '--data', data);
    expect(stderr).toContain('the reference float32-float16 has accuracy 0: nothing to compare with');
    expect(status).toBe(2);
  });

  it('no combination within the tolerance, where a file is asked for, is a failed run', async () => {
    const out = join(await temporaryFolder(), 'best.yaml');
    const { status, stdout, stderr } = tapeout(...SEARCH, '--tolerance', '0', '--start', '8', '--out', out);
    expect(JSON.parse(stdout)).toMatchObject({ best: null, ended: 'exhausted' });
    expect(stderr).toContain('no combination is within the tolerance');
    expect(status).toBe(1);
    expect(existsSync(out)).toBe(false);
  });
});

describe('Anda', () => {
  it('searches the mantissas of stories260K within a percent', async (context) => {
    const model = sharedData('models/stories260K');
    const data = sharedData('text/tinystories/train-2316-stories.txt');
    if (!model || !data) return context.skip();
    const out = join(await temporaryFolder(), 'best.yaml');
    const sequences = ['--sequences', '4', '--chunk', '128', '--seed', '1'];
    const run = ['--model', model, '--data', data, ...sequences, '--json'];
    const { status, stdout, stderr } = tapeout(
      'search',
      'precision',
      ...run,
      '--machine',
      'anda',
      '--out',
      out,
    );
    expect(status, stderr).toBe(0);
    const { best, steps, reference }: PrecisionSearchResult = JSON.parse(stdout);
    expect(steps.length).toBeLessThanOrEqual(32);
    expect(steps[0]!.combination).toEqual([4, 4, 4, 4]);
    expect(best!.metric).toBeLessThanOrEqual(1.01 * reference.value);
    expect(best!.saving).toBeGreaterThan(1);
    expect(JSON.parse(tapeout('eval', '--machine', out, ...run).stdout).perplexity).toBe(best!.metric);
  });
});
