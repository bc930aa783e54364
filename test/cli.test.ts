import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openSafetensors } from '../src/checkpoint/index.ts';
import { temporaryFolder } from './checkpoint-files.ts';
import { goldenPath, sharedData } from './golden.ts';

const LAUNCHER = fileURLToPath(new URL('../bin/tapeout.js', import.meta.url));

function tapeout(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}

describe('tapeout, as a whole program', () => {
  it('evaluates the demo model on the demo text', () => {
    const { status, stdout } = tapeout('eval', '--limit', '4', '--machine', 'int8', '--divergence', '--json');
    expect(status).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      metric: 'perplexity',
      documents: 4,
      record: { machine: { name: 'int8' } },
    });
    expect(result.perplexity).toBeCloseTo(Math.exp(result.nll / result.tokens), 10);
    expect(result.divergence.top1Agreement).toBeGreaterThan(0.8);
    expect(result.record.model.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gives the same sums on one worker and on two', () => {
    const nll = (workers: string) =>
      JSON.parse(tapeout('eval', '--limit', '6', '--workers', workers, '--json').stdout).nll;
    expect(nll('2')).toBe(nll('1'));
  });

  it('gives the same bits streamed and resident', () => {
    const nll = (memory: string) =>
      JSON.parse(tapeout('eval', '--limit', '3', '--memory', memory, '--workers', '1', '--json').stdout);
    const streamed = nll('1MB');
    const resident = nll('8GiB');
    expect(streamed.record.streamed).toBe(true);
    expect(resident.record.streamed).toBe(false);
    expect(streamed.nll).toBe(resident.nll);
  });

  it('compares machines in a table of at most 100 columns', () => {
    const { status, stdout } = tapeout(
      'compare',
      '--limit',
      '2',
      '--machine',
      'float32',
      'int8',
      'smoothquant',
    );
    expect(status).toBe(0);
    for (const name of ['float32', 'int8', 'smoothquant', 'perplexity', 'KL']) expect(stdout).toContain(name);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('compares what machines cost, beside their quality', async () => {
    const broken = join(await temporaryFolder(), 'broken.yaml');
    writeFileSync(
      broken,
      'extends: realm-llama\nname: broken\narray: { rows: 8, columns: 8, multiplies: [int4] }\n',
    );
    const machines = ['float32', 'olive-4bit', 'adaptivfloat-8bit', 'realm-llama', broken];
    const args = ['compare', '--limit', '2', '--context', '64', '--machine', ...machines];
    const { status, stdout, stderr } = tapeout(...args);
    expect(status).toBe(0);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(stdout).toContain('one prefill of 64 tokens, batch 1');
    expect(stdout).toMatch(/^float32 .* - +- +-$/m);
    expect(stdout).toMatch(/^realm-llama .* > [\d.]+ +100 %$/m);
    expect(stdout).toMatch(/^\*: Pareto front of perplexity and energy/m);
    expect(stderr).toMatch(/no cost of broken: .* cannot multiply/);

    const [float32, olive, , realm, bad] = JSON.parse(tapeout(...args, '--json').stdout);
    expect(float32).toMatchObject({ cost: null, costError: null, pareto: null });
    expect(bad).toMatchObject({ cost: null, costError: expect.stringContaining('cannot'), pareto: null });
    expect([olive.pareto, realm.pareto]).toEqual([true, null]);
    const alone = tapeout(
      ...['cost', '--machine', 'olive-4bit', '--model', 'demo-llama', '--sequence', '64', '--json'],
    );
    expect(olive.cost).toEqual(JSON.parse(alone.stdout));
    expect(realm.cost.total.energyByPart.dram).toBeNull();

    const without = ['compare', '--limit', '1', '--machine', 'realm-llama', '--no-cost'];
    expect(tapeout(...without).stdout).toMatch(/same top 1 +seconds$/m);
    expect(JSON.parse(tapeout(...without, '--json').stdout)[1]).not.toHaveProperty('cost');
  });

  it('compares on one worker, with one document, and streamed', () => {
    for (const args of [
      ['--workers', '1', '--limit', '3'],
      ['--limit', '1'],
      ['--memory', '1MB', '--limit', '2'],
    ]) {
      const { status, stdout } = tapeout('compare', '--machine', 'int8', 'smoothquant', '--json', ...args);
      expect(status).toBe(0);
      const machines = JSON.parse(stdout).map(
        ({ record }: { record: { machine: { name: string } } }) => record.machine.name,
      );
      expect(machines).toEqual(['float32', 'int8', 'smoothquant']);
    }
  });

  it('classifies with the demo encoder', () => {
    const { status, stdout } = tapeout('eval', '--model', 'demo-bert', '--json');
    expect(status).toBe(0);
    const { items, accuracy } = JSON.parse(stdout);
    expect(items).toBe(200);
    expect(accuracy).toBeGreaterThan(0.75);
  });

  it.each([
    ['last-word', { passages: 20 }],
    ['multiple-choice', { items: 20 }],
  ])('has a demo text for %s', (metric, counts) => {
    const { status, stdout } = tapeout('eval', '--metric', metric, '--limit', '20', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ metric, ...counts });
  });

  it('scores a long text by rolling chunks', () => {
    const { status, stdout } = tapeout('eval', '--rolling', '--chunk', '128', '--chunks', '5', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ metric: 'rolling-perplexity', chunks: 5, tokens: 5 * 127 });
  });

  it('generates the same text with the same seed', () => {
    const text = (seed: string) =>
      tapeout('generate', '--prompt', 'One day', '--tokens', '12', '--temperature', '1', '--seed', seed)
        .stdout;
    expect(text('1')).toMatch(/^One day./);
    expect(text('1')).toBe(text('1'));
    expect(text('1')).not.toBe(text('2'));
    const json = JSON.parse(tapeout('generate', '--prompt', 'One day', '--tokens', '5', '--json').stdout);
    expect(json).toMatchObject({ prompt: 'One day', generated: 5, record: { machine: { name: 'float32' } } });
    expect(json.record.model.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('reproduces the greedy text of stories260K, with int8 within 1 % of float32', (context) => {
    const model = sharedData('models/stories260K');
    const data = sharedData('text/tinystories/train-2316-stories.txt');
    if (!model || !data) return context.skip();
    const { stdout } = tapeout('generate', '--model', model, '--tokens', '40');
    expect(stdout).toContain(
      'Once upon a time, there was a little girl named Lily. She loved to play outside in the park.',
    );
    const perplexity = (machine: string) => {
      const args = ['--model', model, '--data', data, '--split', '<|endoftext|>', '--limit', '30'];
      return JSON.parse(tapeout('eval', ...args, '--machine', machine, '--json').stdout).perplexity;
    };
    expect(Math.abs(perplexity('int8') / perplexity('float32') - 1)).toBeLessThan(0.01);
  });
});

describe('tapeout quantize, as a whole program', () => {
  it('shows the codes of numbers', () => {
    const args = ['--values', '1.5,2.6,-5.2,-98', '--format', 'int4', '--set', 'scale=1', '--json'];
    const { status, stdout } = tapeout('quantize', ...args);
    expect(status).toBe(0);
    const { values, ...report } = JSON.parse(stdout);
    expect(report).toMatchObject({ format: 'int4', settings: { scale: 1 }, scales: [1], maxError: 91 });
    expect(values.map(({ code }: { code: string }) => code)).toEqual(['0010', '0011', '1011', '1001']);
  });

  it('packs a checkpoint and gives its values back', async () => {
    const folder = await temporaryFolder();
    const [pack, out, again] = ['p.bin', 'q.safetensors', 'again.safetensors'].map((name) =>
      join(folder, name),
    );
    const model = goldenPath('models/gpt2/model.safetensors');
    const { status, stdout, stderr } = tapeout(
      ...['quantize', model, '--format', 'int4', '--granularity', 'group:32'],
      ...['--pack', pack!, '--out', out!],
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(tapeout('quantize', '--unpack', pack!, '--out', again!).status).toBe(0);
    const [quantized, unpacked] = [await openSafetensors(out!), await openSafetensors(again!)];
    expect(unpacked.tensors.size).toBeGreaterThan(5);
    for (const [name, { begin, bytes }] of unpacked.tensors) {
      const [left, right] = [new Uint8Array(bytes), new Uint8Array(bytes)];
      await quantized.readInto(left, quantized.tensors.get(name)!.begin);
      await unpacked.readInto(right, begin);
      expect(left).toEqual(right);
    }
    await quantized.close();
    await unpacked.close();
  });

  it('loses on real matrices what is known of int4 with groups', (context) => {
    const file = sharedData('tensors/gpt2-117m-attention-projections.safetensors');
    if (!file) return context.skip();
    const { stdout } = tapeout('quantize', file, '--format', 'int4', '--granularity', 'group:64', '--json');
    const reports = JSON.parse(stdout);
    expect(reports).toHaveLength(12);
    for (const { bitsPerValue, snrDb, scales } of reports) {
      expect(bitsPerValue).toBe(4.5);
      expect(scales).toHaveLength((768 * 768) / 64);
      expect(snrDb).toBeGreaterThan(14);
      expect(snrDb).toBeLessThan(20);
    }
  });
});

describe('exit status and messages', () => {
  it.each([
    ['an unknown command', ['evaluate'], 'unknown command'],
    ['an unknown option', ['eval', '--modle', 'x'], 'Did you mean --model?'],
    ['a number that is none', ['eval', '--limit', 'many'], 'expected a whole number of at least 1'],
    ['an unknown machine', ['eval', '--machine', 'int9'], 'did you mean "int4"?'],
    ['an unknown model', ['eval', '--model', 'demo-lama'], 'did you mean "demo-llama"?'],
    ['an unknown metric', ['eval', '--metric', 'perplexty'], 'did you mean "perplexity"?'],
    ['a missing file', ['eval', '--data', 'nowhere.txt'], 'nowhere.txt: no such file'],
    ['a context beyond the model', ['eval', '--context', '100000'], '--context'],
    [
      'an encoder that should generate',
      ['generate', '--model', 'demo-bert', '--prompt', 'x'],
      'cannot generate',
    ],
    [
      'a metric of the other kind',
      ['eval', '--model', 'demo-bert', '--metric', 'perplexity'],
      'perplexity needs a decoder',
    ],
    ['a model without its tokenizer', ['eval', '--model', goldenPath('models/llama')], 'tokenizer.json'],
    ['an unknown format', ['quantize', 'x.npy', '--format', 'int9x'], 'did you mean "int9"?'],
    [
      'group 0',
      ['quantize', 'x.npy', '--format', 'int8', '--granularity', 'group:0'],
      '1 to 999999999 values',
    ],
    [
      'an array in Fortran order',
      ['quantize', goldenPath('npy/fortran.npy'), '--format', 'int8'],
      'np.ascontiguousarray(x)',
    ],
    ['a setting without a value', ['quantize', 'x.npy', '--set', 'scale'], 'expected key=value'],
    ['a size without a unit', ['eval', '--memory', '4'], 'expected a size such as 8GiB'],
  ])('%s is bad input', (_, args, message) => {
    const { status, stdout, stderr } = tapeout(...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('an empty text is bad input', async () => {
    const file = join(await temporaryFolder(), 'empty.txt');
    writeFileSync(file, ' \n\n');
    const { status, stderr } = tapeout('eval', '--data', file);
    expect(stderr).toContain('empty text');
    expect(status).toBe(2);
  });

  it('a text longer than the context is cut, and says so', async () => {
    const file = join(await temporaryFolder(), 'long.txt');
    writeFileSync(file, 'Once upon a time there was a dog. '.repeat(200));
    const { status, stdout, stderr } = tapeout('eval', '--data', file);
    expect(status).toBe(0);
    expect(stdout).toMatch(/truncated +1/);
    expect(stderr).toContain('--rolling');
  });

  it('a failing run is no bad input', () => {
    const { status, stderr } = spawnSync(process.execPath, [LAUNCHER, 'eval', '--model', 'owner/name'], {
      encoding: 'utf8',
      env: { ...process.env, HF_ENDPOINT: 'http://127.0.0.1:9', HF_HOME: goldenPath('no-such-cache') },
    });
    expect(stderr).toContain('127.0.0.1:9');
    expect(status).toBe(1);
  });

  it('--help answers, for every command', () => {
    for (const args of [
      ['--help'],
      ['eval', '--help'],
      ['compare', '--help'],
      ['quantize', '--help'],
      ['generate', '--help'],
      ['--version'],
    ]) {
      const { status, stdout } = tapeout(...args);
      expect(status).toBe(0);
      expect(stdout.length).toBeGreaterThan(4);
    }
  });
});
