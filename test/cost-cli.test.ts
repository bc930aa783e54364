import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../bin/tapeout.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tapeout-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = (name: string) => join(folder, name);

function tapeout(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

writeFileSync(
  path('mine.yaml'),
  `extends: int8
name: mine
array: { rows: 128, columns: 128, dataflow: output-stationary }
clock: 1 GHz
memory: { sram: { input: 1 MiB, weight: 1 MiB, output: 512 KiB }, dram: { type: HBM2 } }
technology: { node: 28 nm }
`,
);
writeFileSync(
  path('layers.csv'),
  'Layer, M, N, K,\nConv1, 512, 768, 768,\nhuge, 4000000, 4000000, 4000000,\n',
);

describe('tapeout cost', () => {
  const mine = ['cost', '--machine', path('mine.yaml')];

  it('prints a table of at most 100 columns, and what is not modelled', () => {
    const { status, stdout, stderr } = tapeout(...mine, '--shape', 'opt-6.7b', '--sequence', '256');
    expect(status).toBe(0);
    for (const word of ['lm_head', 'tokens a joule', 'roofline', 'energy, protection      not modelled'])
      expect(stdout).toContain(word);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(stderr).toContain('norms, softmax');
    expect(tapeout(...mine, '--shape', 'gpt2', '--explain').stdout).toContain('Horowitz');
  });

  it('prints JSON with integers in all their digits', () => {
    const { stdout } = tapeout(...mine, '--topology', path('layers.csv'), '--json');
    const report = JSON.parse(stdout);
    expect(report.sites[0]).toMatchObject({ site: 'Conv1', m: 512, k: 768, n: 768, count: 1 });
    expect(report.sites[0].cycles.compute).toBe(24527);
    expect(report.sites[0].cycles.total).toBe(report.sites[0].cycles.compute + report.sites[0].cycles.stall);
    expect(report.total.seconds).toBeGreaterThan(0);
    // 31250^2 folds of 4,000,254 cycles, less one: beyond 2^53 with the traffic.
    expect(stdout).toContain(`"compute": ${31250n * 31250n * 4000254n - 1n}`);
    expect(stdout).toContain(`"macs": ${4000000n ** 3n}`);
  });

  it('prints one number of cycles, energy and area in JSON, and their parts beside it', () => {
    writeFileSync(path('small.csv'), 'Layer, M, N, K,\nConv1, 512, 768, 768,\nConv2, 64, 64, 64,\n');
    const json = (machine: string) =>
      JSON.parse(tapeout('cost', '--machine', machine, '--topology', path('small.csv'), '--json').stdout);
    const { sites, total, notModelled } = json(path('mine.yaml'));
    const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);
    const known = (parts: object) => sum(Object.values(parts).filter((value) => value !== null));

    expect(Object.keys(sites[0].cycles)).toEqual(['compute', 'stall', 'total']);
    expect(total.cycles).toBe(sites[0].cycles.total + sites[1].cycles.total);
    expect(known(total.cyclesByPart)).toBe(total.cycles);
    expect(total.seconds).toBeCloseTo(total.cycles / 1e9, 12);

    expect(Object.keys(sites[0].energyByPart)).toEqual([
      ...['compute', 'sram', 'dram', 'static', 'protection', 'recovery'],
    ]);
    expect(sites[0].energyByPart).toMatchObject({ protection: null, recovery: null });
    expect(sites[0].energy / known(sites[0].energyByPart)).toBeCloseTo(1, 12);
    expect(total.energy / (sites[0].energy + sites[1].energy)).toBeCloseTo(1, 12);
    expect(total.energy / known(total.energyByPart)).toBeCloseTo(1, 12);
    expect(total.area).toBeGreaterThan(1);
    expect(total.area).toBeCloseTo(known(total.areaByPart), 9);
    expect(notModelled).toContain('energy: protection, recovery');

    writeFileSync(
      path('bare.yaml'),
      'extends: int8\nname: bare\narray: { rows: 8, columns: 8, dataflow: weight-stationary }\n',
    );
    const bare = json(path('bare.yaml'));
    expect(bare.total).toMatchObject({ energy: null, area: null, seconds: null });
    expect(bare.total.cycles).toBe(bare.total.cyclesByPart.compute);
    expect(bare.total.cyclesByPart.stall).toBeNull();
    expect(bare.sites[0].energy).toBeNull();
  });

  it('needs no weights', () => {
    writeFileSync(
      path('config.json'),
      JSON.stringify({
        model_type: 'opt',
        hidden_size: 7168,
        ffn_dim: 28672,
        num_hidden_layers: 48,
        num_attention_heads: 56,
        vocab_size: 50272,
      }),
    );
    const options = ['--phase', 'decode', '--batch', '4', '--sequence', '2048', '--json'];
    const from = (...source: string[]) => JSON.parse(tapeout(...mine, ...source, ...options).stdout);
    expect(from('--model', folder).total).toEqual(from('--shape', 'opt-30b').total);
  });

  it.each([
    [['--shape', 'opt-6.7'], 'did you mean "opt-6.7b"?'],
    [['--shape', 'gpt2', '--batch', '0'], 'batch: expected a positive whole number'],
    [['--shape', 'gpt2', '--sequence', '-3'], 'sequence: expected a positive whole number'],
    [[], 'expected one of --model, --shape and --topology'],
    [['--shape', 'gpt2', '--topology', 'x.csv'], 'expected one of'],
    [['--model', join(folder, 'none')], 'no checkpoint'],
    [['--topology', path('layers.csv'), '--batch', '1'], '--batch: expected none beside --topology'],
  ])('%j is bad input', (flags, message) => {
    const { status, stderr } = tapeout(...mine, ...flags);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe('tapeout sweep', () => {
  it('writes CSV and SVG, and prints the best', () => {
    const flags = ['--shape', 'gpt2', '--out', path('x.csv'), '--svg', path('x.svg')];
    const sets = ['--set', 'technology.voltage=0.6..0.9:0.1', '--set', 'array.rows=64,128'];
    const { status, stdout } = tapeout('sweep', '--machine', path('mine.yaml'), ...flags, ...sets);
    expect(status).toBe(0);
    expect(stdout).toMatch(/8 points, \d best/);
    expect(readFileSync(path('x.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(9);
    expect(readFileSync(path('x.svg'), 'utf8')).toContain('technology.voltage (V)');
    const json = ['--set', 'array.rows=64,100000', '--json'];
    const { points } = JSON.parse(
      tapeout('sweep', '--machine', path('mine.yaml'), '--shape', 'gpt2', ...json).stdout,
    );
    expect(points[0].total).toMatchObject({ cycles: expect.any(Number), energy: expect.any(Number) });
    expect(points[1]).toMatchObject({ total: null, error: expect.stringContaining('65536') });
  });

  it('varies the recovery rate of a protected machine', () => {
    const text = readFileSync(path('mine.yaml'), 'utf8');
    writeFileSync(
      path('safe.yaml'),
      `${text}protection: { kind: statistical-checksum, recovery-rate: 0.01 }\n`,
    );
    const safe = ['--machine', path('safe.yaml'), '--shape', 'gpt2'];
    const { total } = JSON.parse(tapeout('cost', ...safe, '--json').stdout);
    expect(total.energyByPart.recovery / total.energyByPart.compute).toBeCloseTo(0.01, 2);
    expect(total.areaByPart.protection).toBeGreaterThan(0);
    const explained = tapeout('cost', ...safe, '--explain');
    expect(explained.stdout).toMatch(/recovery, share of the tiles +0.01/);
    expect(explained.stderr).toContain('memory traffic of recovery');

    const { points } = JSON.parse(
      tapeout('sweep', ...safe, '--set', 'protection.recovery-rate=0..0.02:0.01', '--json').stdout,
    );
    expect(points.map((point: { total: object }) => point.total)).toHaveLength(3);
    expect(points[1].total).toEqual(total);
    expect(points[0].total.energyByPart.recovery).toBe(0);
    expect(points[2].total.cycles).toBeGreaterThan(total.cycles);
  });

  it('refuses a SCALE-Sim configuration, whose keys it does not know', () => {
    const set = ['--set', 'array.rows=8'];
    const { status, stderr } = tapeout('sweep', '--machine', 'scale.cfg', '--shape', 'gpt2', ...set);
    expect(status).toBe(2);
    expect(stderr).toContain('expected a preset or a YAML file, found a SCALE-Sim configuration');
  });

  it('refuses an unknown key', () => {
    const { status, stderr } = tapeout(
      ...['sweep', '--machine', path('mine.yaml'), '--shape', 'gpt2', '--set', 'technology.voltag=1'],
    );
    expect(status).toBe(2);
    expect(stderr).toContain('did you mean "voltage"?');
  });
});
