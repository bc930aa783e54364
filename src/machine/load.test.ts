import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Arithmetic, FloatArithmetic, IntegerArithmetic } from '../datapath/plan.ts';
import { SITE_NAMES, type SiteName } from '../model/site.ts';
import {
  describeOperands,
  describeSites,
  loadMachine,
  machineJsonSchema,
  parseMachine,
  peakRate,
  presetNames,
} from './index.ts';
import { presetPath, presetText } from './presets.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapeout-machine-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('presets', () => {
  it.each(presetNames())(
    '%s is a machine of that name, with a description and a schema for editors',
    async (name) => {
      const machine = await loadMachine(name);
      expect(machine.name).toBe(name);
      expect(machine.source).toBe(`preset ${name}`);
      expect(machine.description).not.toBe('');
      expect(Object.keys(machine.plan.sites)).toEqual([...SITE_NAMES]);
      expect(presetText(name)).toMatch(
        /^# yaml-language-server: \$schema=\.\/machine\.schema\.json\n# [A-Z]/,
      );
    },
  );

  it.each(['float32', 'float16', 'bfloat16', 'tf32'])('%s computes in it at every site', async (name) => {
    const { plan } = await loadMachine(name);
    const expected: FloatArithmetic = { kind: 'float', weights: name, activations: name };
    for (const site of SITE_NAMES) expect(plan.sites[site]).toEqual(expected);
  });

  const perChannel = { format: 'int8', granularity: 'channel' } as const;
  const perToken = { format: 'int8', granularity: 'token', scale: 'dynamic' } as const;
  const perTensor = { format: 'int8', granularity: 'tensor' } as const;
  const calibrated = { format: 'int8', granularity: 'tensor', scale: 'static' } as const;
  const head: FloatArithmetic = { kind: 'float', weights: 'float32', activations: 'float32' };
  const fed: SiteName[] = ['q', 'k', 'v', 'gate', 'up', 'fc1'];

  it.each<
    [string, Pick<IntegerArithmetic, 'weights' | 'activations'>, { smoothing?: number; floatHead: boolean }]
  >([
    ['int8', { weights: perChannel, activations: perToken }, { floatHead: false }],
    ['int8-tensor', { weights: perTensor, activations: calibrated }, { floatHead: false }],
    ['realm-llama', { weights: perChannel, activations: perToken }, { floatHead: true }],
    ['smoothquant', { weights: perTensor, activations: calibrated }, { floatHead: true, smoothing: 0.5 }],
  ])('%s', async (name, operands, { smoothing, floatHead }) => {
    const { plan } = await loadMachine(name);
    for (const site of SITE_NAMES) {
      // int8's q, k and v are encoded by the attention products that read them.
      const requantize = (
        name === 'int8' ? fed.filter((fedSite) => !['q', 'k', 'v'].includes(fedSite)) : fed
      ).includes(site);
      const expected: Arithmetic = { kind: 'integer', ...operands, requantize };
      if (smoothing !== undefined && fed.includes(site)) expected.smoothing = smoothing;
      expect(plan.sites[site], site).toEqual(site === 'lm_head' && floatHead ? head : expected);
    }
  });

  it('of ReaLM have its array, whose peak rate is rows · columns · clock', async () => {
    for (const name of ['smoothquant', 'realm-llama']) {
      const machine = await loadMachine(name);
      expect(machine.array).toMatchObject({
        kind: 'systolic',
        outside: ['lm_head'],
        rows: 256,
        columns: 256,
        dataflow: 'weight-stationary',
      });
      expect(machine.clock).toBe(2e9);
      expect(machine.technology).toMatchObject({ node: 14, voltage: 0.9 });
      expect(peakRate(machine)).toBe(256 * 256 * 2e9);
    }
    // No array; elements that do four products a cycle.
    for (const name of ['int8', 'olive-4bit']) expect(peakRate(await loadMachine(name))).toBeUndefined();
  });
});

describe('names and paths', () => {
  it('suggest the nearest preset', async () => {
    await expect(loadMachine('smothquant')).rejects.toMatchObject({
      message: 'expected a machine, found "smothquant"',
      note: expect.stringMatching(
        /^did you mean "smoothquant"\? known: .*\bbfloat16, .*; a file's path ends in \.yaml$/,
      ),
    });
    await expect(loadMachine('')).rejects.toMatchObject({ name: 'InputError' });
  });

  it('read a file, and record it', async () => {
    const text = presetText('tf32').replace('name: tf32', 'name: mine');
    const path = write('mine.yaml', text);
    const machine = await loadMachine(path);
    expect(machine).toMatchObject({ name: 'mine', source: path, text });
    expect(machine.hash).toBe(createHash('sha256').update(text).digest('hex'));
  });

  it('say what is wrong with a file that cannot be read', async () => {
    const rejects = (path: string, message: RegExp) =>
      expect(loadMachine(path)).rejects.toMatchObject({
        name: 'InputError',
        message: expect.stringMatching(message),
      });
    await rejects(join(folder, 'none.yaml'), /found: no such file$/);
    await rejects(`${folder}/`, /found: not an ordinary file$/);
    await rejects(write('latin.yaml', new Uint8Array([0x6e, 0xff, 0xfe])), /^expected UTF-8 text/);
    await rejects(write('large.yaml', ' '.repeat(3e6)), /^expected at most 65536 bytes, found more$/);
    await rejects('/dev/zero', /found: not an ordinary file$/);
  });
});

describe('extends', () => {
  it('lays keys over those of a preset', async () => {
    const path = write(
      'over.yaml',
      `extends: int8
name: over
operands: { activations: { granularity: tensor } }
requantize: [v]
sites: { o: { weights: { granularity: tensor } }, qk: { activations: { format: float16 } } }
`,
    );
    const { plan, text, description } = await loadMachine(path);
    const activations = { format: 'int8', granularity: 'tensor', scale: 'dynamic' };
    expect(plan.sites.v).toMatchObject({
      weights: { granularity: 'channel' },
      activations,
      requantize: true,
    });
    expect(plan.sites.q).toMatchObject({ requantize: false });
    expect(plan.sites.o).toMatchObject({ weights: { granularity: 'tensor' }, activations });
    expect(plan.sites.qk).toEqual({ kind: 'float', weights: 'float16', activations: 'float16' });
    expect(description).toBe('');
    // The record holds both files.
    expect(text).toBe(`${presetText('int8')}\n---\n${readFileSync(path, 'utf8')}`);
  });

  it('replaces an encoding that names a format, and follows paths from file to file', async () => {
    write('base.yaml', 'extends: smoothquant\nname: base\nclock: 500 MHz\n');
    const head = '{ weights: { format: bfloat16 }, activations: { format: bfloat16 } }';
    const path = write('top.yaml', `extends: ./base.yaml\nname: top\nsites: { lm_head: ${head} }\n`);
    const machine = await loadMachine(path);
    expect(machine.plan.sites.lm_head).toEqual({
      kind: 'float',
      weights: 'bfloat16',
      activations: 'bfloat16',
    });
    expect(machine.plan.sites.fc1).toMatchObject({ smoothing: 0.5 });
    expect(machine.clock).toBe(5e8);
  });

  it('leaves no settings of a format that was replaced', async () => {
    write(
      'anda6.yaml',
      `name: anda6
operands:
  weights: { format: int4, granularity: "group:128", range: asymmetric, algorithm: gptq }
  activations: { format: anda, mantissa: 6 }
sites: { fc1: { activations: { mantissa: 5 } }, fc2: { activations: { format: anda } } }
`,
    );
    const base = (await loadMachine(join(folder, 'anda6.yaml'))).plan.sites;
    expect(base.fc1.activations).toMatchObject({ format: 'anda', settings: { mantissa: 5 } });
    // An encoding that names a format has that format's defaults, not what stands in operands.
    expect(base.fc2.activations).toMatchObject({ format: 'anda', settings: { mantissa: 7 } });
    expect(base.fc2.weights).toMatchObject({ algorithm: 'gptq', settings: { range: 'asymmetric' } });

    const path = write(
      'other.yaml',
      `extends: ./anda6.yaml
name: other
operands: { weights: { format: int4 }, activations: { format: mxint8 } }
sites: { fc1: { activations: { format: figna } } }
`,
    );
    const { sites } = (await loadMachine(path)).plan;
    expect(sites.q).toMatchObject({
      weights: { format: 'int4', settings: { range: 'symmetric' }, algorithm: 'rtn', granularity: undefined },
      activations: { format: 'mxint8', settings: { rule: 'floor' }, granularity: undefined },
    });
    expect(sites.fc1.activations).toMatchObject({ format: 'figna', settings: { mantissa: 13 } });

    // What a site of the base says of the old format alone is blamed where it stands.
    const stale = write(
      'stale.yaml',
      'extends: ./anda6.yaml\nname: stale\noperands: { activations: { format: int8 } }\n',
    );
    await expect(loadMachine(stale)).rejects.toMatchObject({
      message: 'expected no mantissa with int8, found 5',
      place: { file: join(folder, 'anda6.yaml'), line: 5, key: 'sites.fc1.activations.mantissa' },
    });
  });

  it('blames the file and the line that said it', async () => {
    const path = write('wrong.yaml', 'extends: int8\nname: wrong\naccumulator: float32\n');
    await expect(loadMachine(path)).rejects.toMatchObject({
      place: { file: path, line: 3, column: 14, key: 'accumulator' },
    });
    const base = write(
      'bad-base.yaml',
      `name: bad-base\n${presetText('tf32').replace(/name.*\n/, '')}\nclock: 1 V\n`,
    );
    const over = write('over-bad.yaml', 'extends: bad-base.yaml\nname: over\n');
    await expect(loadMachine(over)).rejects.toMatchObject({ place: { file: base, key: 'clock' } });
  });

  it('refuses circles, unknown names and long chains', async () => {
    const place = { line: 1, column: 10, key: 'extends' };
    const rejects = (path: string, message: RegExp) =>
      expect(loadMachine(path)).rejects.toMatchObject({ message: expect.stringMatching(message), place });
    await rejects(write('unknown.yaml', 'extends: int9\nname: a\n'), /^expected a machine, found "int9"$/);
    await rejects(write('missing.yaml', 'extends: ./none.yaml\nname: a\n'), /no such file$/);
    write('a.yaml', 'extends: ./b.yaml\nname: a\n');
    await rejects(write('b.yaml', 'extends: ./a.yaml\nname: b\n'), /which extends this one$/);
    for (let i = 0; i < 10; i++) write(`c${i}.yaml`, `extends: ./c${i + 1}.yaml\nname: c\n`);
    await rejects(join(folder, 'c0.yaml'), /^expected at most 8 machine files/);
  });
});

describe('in words', () => {
  it('groups the sites that compute alike', async () => {
    const groups = describeSites(await loadMachine('smoothquant'));
    expect(groups).toEqual([
      {
        sites: ['q', 'k', 'v', 'gate', 'up', 'fc1'],
        weights: 'int8 per tensor',
        activations: 'int8 per tensor, static',
        accumulator: 'int32',
        remarks: 'output re-quantised; smoothed, alpha 0.5',
      },
      {
        sites: ['qk', 'sv'],
        weights: '',
        activations: 'int8 per tensor, static',
        accumulator: 'int32',
        remarks: '',
      },
      expect.objectContaining({
        sites: ['o', 'down', 'fc2', 'project_in', 'project_out', 'pooler', 'classifier'],
      }),
      { sites: ['lm_head'], weights: 'float32', activations: 'float32', accumulator: 'float32', remarks: '' },
    ]);
    expect(describeOperands(await loadMachine('smoothquant'))).toBe('int8 × int8');
    expect(describeOperands(await loadMachine('tf32'))).toBe('tf32 × tf32');
  });
});

describe('the JSON Schema', () => {
  it('is the committed one; `tapeout machines --schema` prints it', () => {
    const committed = presetPath('int8').replace('int8.yaml', 'machine.schema.json');
    expect(JSON.parse(readFileSync(committed, 'utf8'))).toEqual(machineJsonSchema());
  });
});

describe('the documentation', () => {
  it('shows a machine file that is one', () => {
    const text = readFileSync(new URL('../../docs/machines.md', import.meta.url), 'utf8');
    const [, example] = /```yaml\n(.*?)```/s.exec(text)!;
    const machine = parseMachine(example!, 'mine.yaml');
    expect(machine).toMatchObject({ name: 'mine', clock: 1e9 });
    expect(machine.plan.sites.fc1).toMatchObject({ smoothing: 0.5, activations: { scale: 'static' } });
  });
});
