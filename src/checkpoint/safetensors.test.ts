import { mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inputErrorOf, safetensorsBytes, temporaryFolder } from '../../test/checkpoint-files.ts';
import { InputError } from '../errors.ts';
import type { DataType } from './checkpoint.ts';
import { openSafetensors } from './safetensors.ts';
import { elementBytes, parseHeader } from './safetensors-header.ts';
import { writeSafetensors } from './write-safetensors.ts';

const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

async function errorOf(bytes: Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), 'model.safetensors');
  await writeFile(path, bytes);
  const message = await inputErrorOf(openSafetensors(path));
  expect(message).toContain(path);
  return message;
}

describe('a malformed file is refused', () => {
  test.each<[string, unknown, number, string[]]>([
    [
      'truncated data',
      { w: f32([4], 0, 16) },
      15,
      ['truncated', 'promises 16', 'has 15', 'download it again'],
    ],
    ['bytes after the end', { w: f32([4], 0, 16) }, 20, ['promises 16', 'has 20', 'the last 4']],
    [
      'unknown dtype',
      { w: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } },
      1,
      ['"w"', 'F8_E4M3', 'BF16'],
    ],
    [
      'dtype of Object.prototype',
      { w: { dtype: 'toString', shape: [1], data_offsets: [0, 1] } },
      1,
      ['toString'],
    ],
    ['missing dtype', { w: { shape: [1], data_offsets: [0, 1] } }, 1, ['"w"', 'found nothing']],
    ['wrong size', { w: f32([2, 3], 0, 20) }, 20, ['"w"', 'expected 24 bytes for F32 [2,3]', 'found 20']],
    ['reversed offsets', { w: f32([0], 4, 0) }, 4, ['"w"', 'found -4 (4 to 0)']],
    [
      'overflowing shape',
      { w: f32([2 ** 52, 2 ** 52], 0, 16) },
      16,
      ['81129638414606681695789005144064 bytes', 'found 16'],
    ],
    ['negative size', { w: f32([-1], 0, 4) }, 4, ['shape', 'found -1']],
    ['fractional size', { w: f32([1.5], 0, 4) }, 4, ['shape', 'found 1.5']],
    ['unsafe size', { w: f32([2 ** 60], 0, 4) }, 4, ['shape', 'found 1152921504606847000']],
    [
      'shape of strings',
      { w: { dtype: 'F32', shape: ['1'], data_offsets: [0, 4] } },
      4,
      ['shape', 'found "1"'],
    ],
    [
      'shape as a number',
      { w: { dtype: 'F32', shape: 1, data_offsets: [0, 4] } },
      4,
      ['shape', 'an array', 'found 1'],
    ],
    ['endless shape', { w: f32(new Array(65).fill(1), 0, 4) }, 4, ['at most 64', 'found 65']],
    [
      'one offset',
      { w: { dtype: 'F32', shape: [1], data_offsets: [0] } },
      4,
      ['data_offsets', '2 numbers', 'found 1'],
    ],
    ['overlap', { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12, ['"b"', 'overlaps', '(8)', 'found 4']],
    ['hole', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, ['"b"', 'hole', 'the end of "a" (4)', 'found 8']],
    ['hole at the start', { a: f32([1], 4, 8) }, 8, ['"a"', 'hole', 'the start (0)']],
    ['entry that is no object', { w: 3 }, 0, ['"w"', 'expected an object', 'found 3']],
    ['metadata that is no map', { __metadata__: [] }, 0, ['__metadata__', 'map of strings']],
    ['metadata of numbers', { __metadata__: { a: 1 } }, 0, ['__metadata__', 'map of strings']],
    ['header that is an array', [], 0, ['JSON object', 'found an array']],
    ['header that is no JSON', '{"a": nonsense}', 0, ['expected JSON']],
    ['empty header', '', 0, ['expected JSON']],
    ['deep nesting', '['.repeat(100_000), 0, ['deeper nesting']],
  ])('%s', async (_, header, data, parts) => {
    const message = await errorOf(safetensorsBytes(header, data));
    for (const part of parts) expect(message).toContain(part);
  });

  test('header that is not UTF-8', async () => {
    const bytes = safetensorsBytes('{"a":"xx"}', 0);
    bytes[14] = 0xff;
    expect(await errorOf(bytes)).toContain('not UTF-8');
  });

  test('header length beyond the file, before anything is allocated', async () => {
    const bytes = safetensorsBytes({}, 0);
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 63n, true);
    expect(await errorOf(bytes)).toMatch(/expected at most 2 bytes.*found 9223372036854775808/);
  });

  test('header length beyond 100 MB, in a file that has as much', async () => {
    const path = join(await temporaryFolder(), 'sparse.safetensors');
    await writeFile(path, new Uint8Array(8));
    await truncate(path, 2 ** 40);
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, 2n ** 35n, true);
    await writeFile(path, length, { flag: 'r+' });
    expect(await inputErrorOf(openSafetensors(path))).toContain(
      'expected at most 100000000 bytes, found 34359738368',
    );
  });

  test('too short for a header length', async () => {
    expect(await errorOf(new Uint8Array(7))).toContain('found only 7 bytes');
  });

  test('a Git LFS pointer and a renamed pickle are called what they are', async () => {
    const text = new TextEncoder();
    expect(await errorOf(text.encode('version https://git-lfs.github.com/spec/v1\n'))).toContain(
      'git lfs pull',
    );
    expect(await errorOf(text.encode('PK\u0003\u0004 archive/data.pkl'))).toContain('pickle');
  });

  test('a folder and a missing file', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'model.safetensors'));
    expect(await inputErrorOf(openSafetensors(join(folder, 'model.safetensors')))).toContain(
      'expected a file',
    );
    expect(await inputErrorOf(openSafetensors(join(folder, 'none.safetensors')))).toContain(
      'none.safetensors',
    );
  });

  test('an endless tensor name is cut in the message', async () => {
    expect((await errorOf(safetensorsBytes({ ['x'.repeat(1e6)]: 1 }, 0))).length).toBeLessThan(1000);
  });
});

test('a header of millions of values is refused in bounded time', () => {
  const bomb = new TextEncoder().encode(`{"a":[${'0,'.repeat(20_000_000)}0]}`);
  const start = performance.now();
  expect(() => parseHeader(bomb, 'bomb', 0, bomb.length)).toThrow('more than 8000000 values');
  expect(performance.now() - start).toBeLessThan(5000);
});

test('a header of a hundred million newlines is refused in bounded time', () => {
  const start = performance.now();
  expect(() => parseHeader(new Uint8Array(1e8).fill(0x0a), 'newlines', 0, 1e8)).toThrow('expected JSON');
  expect(performance.now() - start).toBeLessThan(20_000);
});

test('names of Object.prototype are names like any other', async () => {
  const header = `{"__proto__":${JSON.stringify(f32([1], 0, 4))},"constructor":${JSON.stringify(f32([], 4, 8))}}`;
  const path = join(await temporaryFolder(), 'model.safetensors');
  await writeFile(path, safetensorsBytes(header, 8));
  const file = await openSafetensors(path);
  expect([...file.tensors.keys()]).toEqual(['__proto__', 'constructor']);
  await file.close();
});

test('a file that becomes shorter while it is open is reported', async () => {
  const path = join(await temporaryFolder(), 'model.safetensors');
  await writeFile(path, safetensorsBytes({ w: f32([100], 0, 400) }, 400));
  const file = await openSafetensors(path);
  await truncate(path, 200);
  const { begin, bytes } = file.tensors.get('w')!;
  expect(await inputErrorOf(file.readInto(new Uint8Array(bytes), begin))).toContain('shorter');
  await file.close();
});

const small = { numRuns: 300 };
const dtype = fc.constantFrom(...(Object.keys(elementBytes) as DataType[]));
const tensorList = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1 }),
      dtype,
      shape: fc.array(fc.nat(5), { maxLength: 3 }),
      seed: fc.nat(255),
    }),
    { selector: (tensor) => tensor.name, maxLength: 6 },
  )
  .filter((tensors) => tensors.every(({ name }) => name !== '__metadata__'));

const contentOf = (tensor: { dtype: DataType; shape: number[]; seed: number }) =>
  Uint8Array.from(
    { length: tensor.shape.reduce((a, b) => a * b, elementBytes[tensor.dtype]) },
    (_, i) => (i * 7 + tensor.seed) % 256,
  );

test('what is written is read back', async () => {
  const path = join(await temporaryFolder(), 'model.safetensors');
  await fc.assert(
    fc.asyncProperty(tensorList, fc.integer({ min: 1, max: 9 }), async (tensors, chunk) => {
      await writeSafetensors(
        path,
        tensors.map((tensor) => ({
          ...tensor,
          async write(emit) {
            const content = contentOf(tensor);
            for (let i = 0; i < content.length; i += chunk) await emit(content.subarray(i, i + chunk));
          },
        })),
      );
      const file = await openSafetensors(path);
      expect([...file.tensors.keys()]).toEqual(expect.arrayContaining(tensors.map(({ name }) => name)));
      for (const tensor of tensors) {
        const { begin, bytes, shape } = file.tensors.get(tensor.name)!;
        const content = new Uint8Array(bytes);
        await file.readInto(content, begin);
        expect(shape).toEqual(tensor.shape);
        expect(content).toEqual(contentOf(tensor));
      }
      await file.close();
    }),
    small,
  );
});

test('a writer that gives too few bytes leaves no file', async () => {
  const path = join(await temporaryFolder(), 'model.safetensors');
  const tensor = {
    name: 'w',
    dtype: 'F32' as const,
    shape: [2],
    write: (emit: (b: Uint8Array) => Promise<void>) => emit(new Uint8Array(4)),
  };
  await expect(writeSafetensors(path, [tensor])).rejects.toThrow(
    'w: expected 8 bytes to be written, found 4',
  );
  await expect(stat(path)).rejects.toThrow('ENOENT');
  await expect(stat(`${path}.incomplete`)).rejects.toThrow('ENOENT');
});

describe('fuzzing ends in success or an InputError', () => {
  async function opens(path: string, bytes: Uint8Array): Promise<void> {
    await writeFile(path, bytes);
    try {
      const file = await openSafetensors(path);
      for (const { begin, bytes: size } of file.tensors.values())
        await file.readInto(new Uint8Array(size), begin);
      await file.close();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }

  test('random bytes', async () => {
    const path = join(await temporaryFolder(), 'model.safetensors');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (bytes) => opens(path, bytes)),
      { numRuns: 1000 },
    );
  });

  test('random headers', async () => {
    const path = join(await temporaryFolder(), 'model.safetensors');
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({ dtype, shape: fc.jsonValue(), data_offsets: fc.jsonValue() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), value), fc.nat(64), (header, data) =>
        opens(path, safetensorsBytes(header, data)),
      ),
      { numRuns: 1000 },
    );
  });

  test('a valid file with flipped bytes, cut or lengthened', async () => {
    const path = join(await temporaryFolder(), 'model.safetensors');
    const tensors = {
      a: f32([3, 2], 0, 24),
      b: { dtype: 'I8', shape: [5], data_offsets: [24, 29] },
      c: f32([], 29, 33),
    };
    const valid = safetensorsBytes({ __metadata__: { format: 'pt' }, ...tensors }, 33);
    const flips = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flips, fc.integer({ min: -40, max: 40 }), async (flips, change) => {
        const bytes = new Uint8Array(Math.max(0, valid.length + change));
        bytes.set(valid.subarray(0, bytes.length));
        for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value;
        await opens(path, bytes);
      }),
      { numRuns: 1000 },
    );
    expect((await readFile(path)).length).toBeGreaterThan(0);
  });
});
