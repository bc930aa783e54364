import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inputErrorOf, safetensorsBytes, temporaryFolder, writeFiles } from '../../test/checkpoint-files.ts';
import { openCheckpoint } from './open.ts';
import { writeWeights } from './write-safetensors.ts';

const one = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
const file = (...names: string[]) =>
  safetensorsBytes(
    Object.fromEntries(names.map((name, i) => [name, { ...one, data_offsets: [4 * i, 4 * i + 4] }])),
    4 * names.length,
  );

async function errorOf(files: Record<string, unknown>): Promise<string> {
  const folder = await temporaryFolder();
  await writeFiles(folder, files);
  const message = await inputErrorOf(openCheckpoint(folder));
  expect(message).toContain(folder);
  return message;
}

const index = (map: unknown) => ({ 'config.json': {}, 'model.safetensors.index.json': { weight_map: map } });

describe('a folder that is no usable checkpoint is refused', () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ['empty', {}, ['model.safetensors', 'found neither']],
    ['no config', { 'model.safetensors': file('w') }, ['config.json', 'no such file']],
    [
      'config that is no JSON',
      { 'config.json': '{\n "a" 1}', 'model.safetensors': file('w') },
      ['config.json:2:6', 'JSON'],
    ],
    [
      'config that is no object',
      { 'config.json': [], 'model.safetensors': file('w') },
      ['config.json', 'found an array'],
    ],
    [
      'a pickle',
      { 'config.json': {}, 'pytorch_model.bin': 'x' },
      [
        'pytorch_model.bin',
        'runs code',
        'AutoModelForCausalLM.from_pretrained(',
        'AutoModelForSequenceClassification',
        'safe_serialization=True',
        'AutoTokenizer.from_pretrained(',
      ],
    ],
    ['pickles', { 'a.pt': '', 'b.pth': '', 'c.ckpt': '' }, ['a.pt, b.pth, c.ckpt', 'runs code']],
    ['weights of another name', { 'adapter.safetensors': file('w') }, ['found only adapter.safetensors']],
    [
      'shards without index',
      { 'model-1.safetensors': '', 'model-2.safetensors': '' },
      ['shards need their model.safetensors.index.json'],
    ],
    [
      'index that is no JSON',
      { 'config.json': {}, 'model.safetensors.index.json': '{' },
      ['index.json:1:2', 'JSON'],
    ],
    ['index without map', { 'model.safetensors.index.json': {} }, ['weight_map', 'found nothing']],
    ['shard named by a number', index({ w: 3 }), ['"w"', 'found 3']],
    ['path traversal', index({ w: '../other/model.safetensors' }), ['"w"', '../other', 'refused']],
    ['absolute path', index({ w: '/model.safetensors' }), ['"w"', 'refused']],
    ['backslashes', index({ w: '..\\model.safetensors' }), ['"w"', 'refused']],
    ['shard that is no safetensors', index({ w: 'model.bin' }), ['"w"', 'model.bin']],
    [
      'missing shard',
      index({ v: 'a.safetensors', w: 'a.safetensors' }),
      ['"a.safetensors"', 'holds 2 tensors ("v", "w")'],
    ],
    [
      'tensor in another shard',
      {
        ...index({ v: 'a.safetensors', w: 'a.safetensors', x: 'b.safetensors' }),
        'a.safetensors': file('v'),
        'b.safetensors': file('w', 'x'),
      },
      ['"w"', 'expected in "a.safetensors"', 'b.safetensors'],
    ],
    [
      'tensor in no shard',
      { ...index({ v: 'a.safetensors', w: 'a.safetensors' }), 'a.safetensors': file('v') },
      ['"w"', 'in no shard'],
    ],
    [
      'tensor in two shards',
      {
        ...index({ v: 'a.safetensors', w: 'b.safetensors' }),
        'a.safetensors': file('v'),
        'b.safetensors': file('v', 'w'),
      },
      ['"v"', 'found also in', 'mixed'],
    ],
    [
      'a truncated shard',
      { ...index({ w: 'a.safetensors' }), 'a.safetensors': file('w').subarray(0, -1) },
      ['a.safetensors', 'truncated'],
    ],
  ])('%s', async (_, files, parts) => {
    const message = await errorOf(files);
    for (const part of parts) expect(message).toContain(part);
  });
});

test('a name that is nothing lists the demo models', async () => {
  const message = await inputErrorOf(openCheckpoint('demo-lama'));
  expect(message).toContain('did you mean "demo-llama"');
  expect(message).toContain('demo-opt, demo-bert');
  expect(await inputErrorOf(openCheckpoint('opt-125m'))).toContain('without an owner only gpt2,');
  expect(await inputErrorOf(openCheckpoint('../nowhere/at-all'))).toContain('no such folder');
});

test('a file instead of a folder is answered with the folder', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { 'model.safetensors': file('w') });
  expect(await inputErrorOf(openCheckpoint(join(folder, 'model.safetensors')))).toContain(
    `give the folder, ${folder}`,
  );
});

/** Values that tell where they are. */
const weights = (rows: number, columns: number, names: string[]) =>
  names.map((name, t) => ({
    name,
    dtype: 'F32' as const,
    shape: [rows, columns],
    async write(emit: (chunk: Uint8Array) => Promise<void>) {
      const values = Float32Array.from({ length: rows * columns }, (_, i) => t * 1000 + i);
      await emit(new Uint8Array(values.buffer));
    },
  }));

test('any rows of any shard are read, into any target', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { 'config.json': { model_type: 'x' } });
  await writeWeights(folder, weights(20, 3, ['a', 'b', 'c']), { shardBytes: 500 });
  const checkpoint = await openCheckpoint(folder);
  expect(checkpoint.config).toEqual({ model_type: 'x' });
  expect(checkpoint.tensors.get('b')).toMatchObject({ dtype: 'F32', shape: [20, 3], bytes: 240 });
  const range = fc
    .tuple(fc.nat(20), fc.nat(20))
    .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(2),
      range,
      fc.constantFrom('own', 'exact', 'large', 'shared'),
      async (t, rows, kind) => {
        const bytes = (rows.to - rows.from) * 12;
        const target = {
          own: undefined,
          exact: new Uint8Array(bytes),
          large: new Uint8Array(bytes + 40),
          shared: new Uint8Array(new SharedArrayBuffer(bytes)),
        }[kind];
        const read = await checkpoint.read('abc'[t]!, rows, target);
        if (target) expect(read.buffer).toBe(target.buffer);
        expect(read.byteOffset).toBe(0);
        const values = new Float32Array(read.buffer, 0, bytes / 4);
        expect([...values]).toEqual(
          Array.from({ length: bytes / 4 }, (_, i) => t * 1000 + rows.from * 3 + i),
        );
      },
    ),
  );
  expect((await checkpoint.read('c')).length).toBe(240);
  expect(await inputErrorOf(checkpoint.read('d'))).toContain('no tensor "d"');
  for (const rows of [
    { from: 3, to: 2 },
    { from: 0, to: 21 },
    { from: -1, to: 2 },
    { from: 0.5, to: 2 },
  ]) {
    await expect(checkpoint.read('a', rows)).rejects.toThrow(RangeError);
  }
  await expect(checkpoint.read('a', { from: 0, to: 2 }, new Uint8Array(23))).rejects.toThrow(
    '24 bytes, found 23',
  );
  await checkpoint.close();
});

test('the hash is of the tensors, not of how they are stored', async () => {
  const folder = await temporaryFolder();
  await writeFiles(folder, { 'config.json': {} });
  const hashOf = async () => {
    const checkpoint = await openCheckpoint(folder);
    const hash = await checkpoint.hash();
    await checkpoint.close();
    return hash;
  };
  await writeWeights(folder, weights(4, 2, ['a', 'b']), { shardBytes: 40 });
  const sharded = await hashOf();
  await rm(join(folder, 'model.safetensors.index.json'));
  await writeWeights(folder, weights(4, 2, ['a', 'b']).reverse());
  // The values are made by position: reversed sources with the same values each.
  expect(await hashOf()).toBe(sharded);
  await writeWeights(folder, weights(2, 4, ['a', 'b']));
  expect(await hashOf()).not.toBe(sharded);
  await writeWeights(folder, weights(4, 2, ['a', 'c']));
  expect(await hashOf()).not.toBe(sharded);
});
