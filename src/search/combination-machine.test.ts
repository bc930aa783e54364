import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/checkpoint-files.ts';
import { loadMachine, type Machine } from '../machine/index.ts';
import { combinationFile, combinationMachine, float16Machine } from './combination-machine.ts';
import { readClasses, SITE_CLASSES } from './site-classes.ts';
import { readVariation, settingChoices } from './variation.ts';

const formats = readVariation({ vary: 'operands.format', formats: ['int8', 'bfloat16', 'float32'] });

describe('the machine of a combination', () => {
  it('overrides the encoding of each class at its sites', async () => {
    const machine = combinationMachine(
      { base: await loadMachine('float32'), classes: SITE_CLASSES, variation: formats },
      [8, 16, 32, 16],
    );
    expect(machine.name).toBe('float32-8-16-32-16');
    const kinds = Object.entries(machine.plan.sites).map(([site, { weights, activations }]) => {
      const name = (encoding: string | { format: string }) =>
        typeof encoding === 'string' ? encoding : encoding.format;
      return [site, `${name(weights)} ${name(activations)}`];
    });
    expect(Object.fromEntries(kinds)).toMatchObject({
      q: 'int8 int8',
      k: 'int8 int8',
      v: 'int8 int8',
      qk: 'float32 float32',
      o: 'bfloat16 bfloat16',
      gate: 'float32 float32',
      up: 'float32 float32',
      fc1: 'float32 float32',
      down: 'bfloat16 bfloat16',
      fc2: 'bfloat16 bfloat16',
      lm_head: 'float32 float32',
    });
  });

  it('keeps what the base says of other operands and sites', async () => {
    const variation = readVariation({
      vary: 'activations.format',
      formats: ['int8', 'float32'],
      set: ['granularity=tensor', 'scale=static'],
    });
    const base = await loadMachine('realm-llama');
    const { plan } = combinationMachine({ base, classes: readClasses(['d']), variation }, [8]);
    expect(plan.sites.q).toEqual(base.plan.sites.q);
    expect(plan.sites.down).toMatchObject({
      weights: { granularity: 'channel' },
      activations: { granularity: 'tensor', scale: 'static' },
    });
    expect(plan.sites.lm_head).toEqual(base.plan.sites.lm_head);
  });

  it('has a reference: float16 in place of what is varied', async () => {
    const variation = readVariation({ vary: 'weights.format', formats: ['bfloat16', 'float32'] });
    const machine = float16Machine({
      base: await loadMachine('tf32'),
      classes: readClasses(['o', 'd']),
      variation,
    });
    expect(machine.name).toBe('tf32-float16');
    expect(machine.plan.sites.o).toEqual({ kind: 'float', weights: 'float16', activations: 'tf32' });
    expect(machine.plan.sites.q).toEqual({ kind: 'float', weights: 'tf32', activations: 'tf32' });
  });

  it('that contradicts itself is bad input', async () => {
    const base = await loadMachine('int8');
    const recipe = { base, classes: SITE_CLASSES, variation: formats };
    // int8 re-quantises the outputs of sites that are to compute in floats.
    expect(() => combinationMachine(recipe, [32, 32, 32, 32])).toThrow(/requantize|re-quantise|int8/);
  });
});

describe('the file of a combination', () => {
  it('has the mantissas of Anda as an encoding', () => {
    const base = { name: 'anda', source: 'preset anda' } as Machine;
    const variation = {
      name: 'activations.mantissa',
      operands: ['activations'],
      choices: settingChoices('anda', 'mantissa', {}, { min: 1, max: 16 }),
    } as const;
    const recipe = { base, classes: SITE_CLASSES, variation };
    expect(combinationFile(recipe, [8, 6, 5, 4], '.', ['Found by chance.'])).toBe(`# Found by chance.
extends: anda
name: anda-8-6-5-4
description: "anda with activations.mantissa of qkv 8, o 6, u 5, d 4 bits"
sites:
  q: { activations: { format: anda, mantissa: 8 } }
  k: { activations: { format: anda, mantissa: 8 } }
  v: { activations: { format: anda, mantissa: 8 } }
  o: { activations: { format: anda, mantissa: 6 } }
  gate: { activations: { format: anda, mantissa: 5 } }
  up: { activations: { format: anda, mantissa: 5 } }
  fc1: { activations: { format: anda, mantissa: 5 } }
  down: { activations: { format: anda, mantissa: 4 } }
  fc2: { activations: { format: anda, mantissa: 4 } }
`);
  });

  it('loads from where it is written, whatever its base is called', async () => {
    const folder = await temporaryFolder();
    mkdirSync(join(folder, 'bases'));
    mkdirSync(join(folder, 'found'));
    const source = join(folder, 'bases', `true: "it's" #1.yaml`);
    const name = 'a'.repeat(64);
    writeFileSync(source, `extends: float32\nname: ${name}\nclock: 1 GHz\n`);
    const recipe = { base: await loadMachine(source), classes: SITE_CLASSES, variation: formats };
    const inMemory = combinationMachine(recipe, [8, 16, 32, 8]);
    for (const place of ['found', 'bases', '.']) {
      const file = join(folder, place, 'best.yaml');
      writeFileSync(file, combinationFile(recipe, [8, 16, 32, 8], join(folder, place)));
      const machine = await loadMachine(file);
      expect(machine.plan).toEqual(inMemory.plan);
      expect(machine.clock).toBe(1e9);
      expect(machine.name).toBe(`${'a'.repeat(54)}-8-16-32-8`);
    }
  });
});
