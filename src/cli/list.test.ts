import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FORMATS } from '../formats/index.ts';
import { machineJsonSchema, presetNames } from '../machine/index.ts';
import { register as formats } from './formats.ts';
import { register as machines } from './machines.ts';
import { register as models } from './models.ts';
import { displayWidth } from './table.ts';

const LLAMA = fileURLToPath(new URL('../../test/golden/models/llama-gqa-rope3', import.meta.url));

afterEach(() => {
  vi.restoreAllMocks();
});

/** What a command line prints on stdout. */
async function output(...words: string[]): Promise<string> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const program = new Command().exitOverride();
  for (const register of [formats, machines, models]) register(program);
  await program.parseAsync(words, { from: 'user' });
  const text = log.mock.calls.map(([line]) => `${line}\n`).join('');
  log.mockRestore();
  return text;
}

function expectToFit(text: string): void {
  for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(100);
}

describe('machines', () => {
  it('lists every preset with its operands', async () => {
    const text = await output('machines');
    expectToFit(text);
    for (const name of presetNames()) expect(text).toMatch(new RegExp(`^${name} +\\S+.* × `, 'm'));
    const list = JSON.parse(await output('machines', '--json'));
    expect(list.map(({ name }: { name: string }) => name)).toEqual(presetNames());
    expect(list.find(({ name }: { name: string }) => name === 'bfloat16')).toEqual({
      name: 'bfloat16',
      operands: 'bfloat16 × bfloat16',
      description: expect.any(String),
    });
  });

  it('shows one: its file, its arithmetic site by site, its peak rate', async () => {
    const text = await output('machines', 'smoothquant');
    expect(text).toContain('smoothquant: { alpha: 0.5');
    expect(text).toMatch(
      /^q k v gate up fc1 +int8 per tensor +int8 per tensor, static +int32 +output re-quantised;/m,
    );
    expect(text).toMatch(/^lm_head +float32 +float32 +float32$/m);
    expect(text).toContain('peak rate: 131.1 TMAC/s');
    expect(await output('machines', 'int8')).not.toContain('peak rate');
    const shown = JSON.parse(await output('machines', 'smoothquant', '--json'));
    expect(shown).toMatchObject({
      name: 'smoothquant',
      peakRate: 256 * 256 * 2e9,
      clock: 2e9,
      hash: expect.any(String),
    });
    expect(shown.plan.sites.lm_head.weights).toBe('float32');
  });

  it('prints the JSON Schema', async () => {
    expect(JSON.parse(await output('machines', '--schema'))).toEqual(
      JSON.parse(JSON.stringify(machineJsonSchema())),
    );
  });

  it('suggests the nearest name', async () => {
    await expect(output('machines', 'int88')).rejects.toMatchObject({
      note: expect.stringContaining('did you mean "int8"?'),
    });
  });
});

describe('formats', () => {
  it('lists every format', async () => {
    const text = await output('formats');
    expectToFit(text);
    expect(text).toMatch(/^float16 +16 +±65504 +±infinity/m);
    const list = JSON.parse(await output('formats', '--json'));
    expect(list.map(({ name }: { name: string }) => name)).toEqual(Object.keys(FORMATS));
  });

  it('shows one with its source', async () => {
    expect(await output('formats', 'int8')).toMatch(/^source +Jacob et al\./m);
    expect(JSON.parse(await output('formats', 'tf32', '--json'))).toMatchObject({
      name: 'tf32',
      bits: '19',
      scale: 'none',
    });
    expect(await output('formats', 'int8')).toMatch(
      /^granularity +channel \(default\), tensor, token, group:N$/m,
    );
    expect(await output('formats', 'int8')).toMatch(
      /^--set range= +symmetric \| asymmetric; default symmetric;/m,
    );
    expect(await output('formats', 'tf32')).toMatch(/^granularity +none$/m);
    await expect(output('formats', 'fp32')).rejects.toMatchObject({ name: 'InputError' });
  });
});

describe('docs/formats.md', () => {
  it('holds the table of today: node tools/formats-table.ts renews it', async () => {
    const text = await readFile(new URL('../../docs/formats.md', import.meta.url), 'utf8');
    expect(text.slice(text.indexOf('\n| format'))).toBe(`\n${await output('formats', '--markdown')}`);
  });

  it('has a row for every format', async () => {
    const rows = (await output('formats', '--markdown')).trimEnd().split('\n').slice(2);
    expect(rows.map((row) => row.split('`')[1])).toEqual(Object.keys(FORMATS));
    // Six cells; a bar within one is escaped.
    for (const row of rows) expect(row.replaceAll('\\|', '').match(/\|/g)).toHaveLength(7);
  });
});

describe('models', () => {
  it('shows what a checkpoint holds', async () => {
    const text = await output('models', LLAMA);
    expect(text).toMatch(/^architecture +llama$/m);
    expect(text).toMatch(/^parameters +86,464$/m);
    const { sites, ...facts } = JSON.parse(await output('models', LLAMA, '--json'));
    expect(facts).toMatchObject({
      layers: 2,
      width: 64,
      heads: 4,
      keyValueHeads: 2,
      types: 'BF16',
      bytes: 2 * 86464,
    });
    expect(sites.slice(0, 5)).toEqual([
      { site: 'q', products: 2, inputs: 64, outputs: 64 },
      { site: 'k', products: 2, inputs: 64, outputs: 32 },
      { site: 'v', products: 2, inputs: 64, outputs: 32 },
      { site: 'qk', products: 8, inputs: 16, outputs: 'tokens' },
      { site: 'sv', products: 8, inputs: 'tokens', outputs: 16 },
    ]);
    expect(sites.at(-1)).toEqual({ site: 'lm_head', products: 1, inputs: 64, outputs: 97 });
  });

  it('says what is not a checkpoint', async () => {
    await expect(output('models', 'demo-lama')).rejects.toMatchObject({ name: 'InputError' });
  });
});
