import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { goldenPath } from '../../test/golden.ts';
import { InputError } from '../errors.ts';
import { openNpy, writeNpy } from './npy.ts';
import { float32Header } from './npy-header.ts';

const FOLDER = goldenPath('npy');
const GOLDEN: Record<string, { shape?: number[]; values?: number[]; refused?: string }> = JSON.parse(
  readFileSync(join(FOLDER, 'expected.json'), 'utf8'),
);

async function readNpy(path: string): Promise<{ shape: readonly number[]; values: Float32Array }> {
  const file = await openNpy(path);
  try {
    const values = new Float32Array(file.length);
    await file.readInto(values);
    return { shape: file.shape, values };
  } finally {
    await file.close();
  }
}

/** A file with this dictionary, whatever it says, and this many bytes of values. */
function npyBytes(dictionary: string, data = 0, version = 1, length = dictionary.length): Uint8Array {
  const text = new TextEncoder().encode(dictionary);
  const prefix = [0x93, ...new TextEncoder().encode('NUMPY'), version, 0, length & 255, (length >> 8) & 255];
  if (version > 1) prefix.push((length >> 16) & 255, length >>> 24);
  return new Uint8Array([...prefix, ...text, ...new Uint8Array(data)]);
}

async function errorOf(bytes: Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), 'x.npy');
  await writeFile(path, bytes);
  return inputErrorOf(readNpy(path));
}

const dictionary = (descr: string, order: string, shape: string) =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe('what NumPy writes', () => {
  const entries = Object.entries(GOLDEN);

  it.each(entries.filter(([, { values }]) => values))('%s is read as astype does', async (name, expected) => {
    const { shape, values } = await readNpy(join(FOLDER, `${name}.npy`));
    expect(shape).toEqual(expected.shape);
    expect([...values]).toEqual(expected.values!.map(Math.fround));
  });

  it.each(entries.filter(([, { refused }]) => refused))(
    '%s is refused with what to do',
    async (name, { refused }) => {
      expect(await inputErrorOf(readNpy(join(FOLDER, `${name}.npy`)))).toContain(refused);
    },
  );

  it('is what writeNpy writes, to the byte', async () => {
    const path = join(await temporaryFolder(), 'x.npy');
    for (const name of ['version1', 'vector', 'scalar', 'empty', 'f4']) {
      const { shape, values } = await readNpy(join(FOLDER, `${name}.npy`));
      await writeNpy(path, shape, values);
      expect(await readFile(path)).toEqual(await readFile(join(FOLDER, `${name}.npy`)));
    }
  });
});

describe('what NumPy does not write', () => {
  it.each([
    ['nothing', new Uint8Array(), 'an empty file'],
    ['text', new TextEncoder().encode('1.5, 2.5'), 'np.save(path, x)'],
    ['version 9', npyBytes('{}', 0, 9), 'version 1, 2 or 3, found 9'],
    ['half a prefix', npyBytes('{}').subarray(0, 8), 'ends within its header'],
    ['a header longer than the file', npyBytes('{}', 0, 1, 5000), 'expected a header of 5000 bytes, found 2'],
    ['a header of 4 GB', npyBytes('{}', 0, 2, 2 ** 32 - 1), 'at most 10000 bytes, found 4294967295'],
    ['no dictionary', npyBytes('[1, 2]'), 'expected a Python dictionary'],
    ['no descr', npyBytes("{'shape': (2,)}"), "'descr'"],
    ['no order', npyBytes("{'descr': '<f4', 'shape': (2,)}"), "'fortran_order'"],
    ['no shape', npyBytes(dictionary("'<f4'", 'False', '[2]')), "'shape' to be a tuple"],
    ['a negative size', npyBytes(dictionary("'<f4'", 'False', '(-2, 3)')), 'found "-2"'],
    ['a fraction', npyBytes(dictionary("'<f4'", 'False', '(2.5,)')), 'found "2.5"'],
    ['too many axes', npyBytes(dictionary("'<f4'", 'False', `(${'1, '.repeat(65)})`)), 'at most 64 axes'],
    [
      'a product beyond 2^64',
      npyBytes(dictionary("'<f4'", 'False', '(4294967296, 4294967296, 3)')),
      'a computer can hold',
    ],
    [
      'a size beyond 2^53',
      npyBytes(dictionary("'<f4'", 'False', '(9999999999999999999, 0)')),
      'a computer can hold',
    ],
    [
      'a huge shape',
      npyBytes(dictionary("'<f4'", 'False', '(100000, 100000)'), 8),
      'expected 40000000000 bytes',
    ],
    ['too few values', npyBytes(dictionary("'<f4'", 'False', '(3,)'), 8), 'truncated: expected 12 bytes'],
    ['too many values', npyBytes(dictionary("'<f4'", 'False', '(3,)'), 16), 'more in it than one array'],
    ['another name of a type', npyBytes(dictionary("'<g8'", 'False', '(3,)'), 24), 'found dtype "<g8"'],
  ])('%s', async (_, bytes, message) => {
    expect(await errorOf(bytes)).toContain(message);
  });

  it('a folder and a missing file are bad input', async () => {
    expect(await inputErrorOf(readNpy('nowhere.npy'))).toContain('nowhere.npy: no such file');
    expect(await inputErrorOf(readNpy(await temporaryFolder()))).toContain('expected a file');
  });

  it('any bytes after the magic, and any change of a good file, end in values or an InputError', async () => {
    const path = join(await temporaryFolder(), 'x.npy');
    const good = new Uint8Array([...float32Header([2, 3]), ...new Uint8Array(24)]);
    const changed = fc
      .array(fc.tuple(fc.integer({ min: 6, max: 90 }), fc.integer({ min: 0, max: 255 })), { maxLength: 4 })
      .map((changes) => {
        const bytes = good.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    const random = fc
      .uint8Array({ maxLength: 200 })
      .map((rest) => new Uint8Array([...good.subarray(0, 8), ...rest]));
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, random), async (bytes) => {
        await writeFile(path, bytes);
        try {
          const { shape, values } = await readNpy(path);
          expect(shape.reduce((product, size) => product * size, 1)).toBe(values.length);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

it('writeNpy leaves nothing behind where it fails', async () => {
  const folder = await temporaryFolder();
  await expect(writeNpy(join(folder, 'x.npy'), [3], new Float32Array(2))).rejects.toThrow(
    'expected 3 values',
  );
  await expect(writeNpy(join(folder, 'none', 'x.npy'), [2], new Float32Array(2))).rejects.toThrow('ENOENT');
  expect(await readdir(folder)).toEqual([]);
});
