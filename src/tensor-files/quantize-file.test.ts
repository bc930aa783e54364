import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { openSafetensors, type TensorSource, writeSafetensors } from '../checkpoint/index.ts';
import { InputError } from '../errors.ts';
import { createFormat, FORMATS, type RegisteredFormat, type TensorFormat } from '../formats/index.ts';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { openNpy, writeNpy } from '../tensor/index.ts';
import { quantizeFile, unpackFile } from './index.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const VALUES = Float32Array.from(
  { length: 4 * 70 },
  (_, i) => Math.sin(i * 12.9898) * (i % 37 === 0 ? 30 : 1),
);

/** The format with each value of each choice, and with each granularity. */
function variants(definition: RegisteredFormat): TensorFormat[] {
  const settings: Record<string, number | string>[] = [{}];
  for (const [key, spec] of Object.entries(definition.settings)) {
    if (spec.kind === 'choice') settings.push(...spec.values.map((value) => ({ [key]: value })));
    else if (spec.kind === 'integer' && spec.max - spec.min < 20)
      settings.push({ [key]: spec.min }, { [key]: spec.max });
  }
  const granularities = definition.granularities.map((kind) => (kind === 'group' ? 'group:16' : kind));
  const named = granularities.map((kind) => (kind === 'row' ? 'channel' : kind));
  return [
    ...settings.map((chosen) => createFormat(definition.name, chosen)),
    ...named.map((granularity) => createFormat(definition.name, {}, granularity)),
  ];
}

async function floats(path: string): Promise<Float32Array> {
  const file = await openNpy(path);
  const values = new Float32Array(file.length);
  await file.readInto(values);
  await file.close();
  return values;
}

describe.each(Object.values(FORMATS))('$name', (definition) => {
  it('is packed and unpacked to exactly the values that it had made, in every variant', async () => {
    const folder = await temporaryFolder();
    const [input, out, pack, again] = ['x.npy', 'q.npy', 'q.bin', 'again.npy'].map((name) =>
      join(folder, name),
    ) as [string, string, string, string];
    await writeNpy(input, [4, 70], VALUES);
    for (const format of variants(definition)) {
      expect(format.name).toBe(definition.name);
      const [report] = await quantizeFile(kernels, input, format, { out, pack });
      const [unpacked] = await unpackFile(kernels, pack, again);
      expect(unpacked!.shape).toEqual([4, 70]);
      expect(await readFile(again)).toEqual(await readFile(out));
      // The container adds nothing to the bits but the padding to whole bytes.
      const file = await openSafetensors(pack);
      const bytes = [...file.tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0);
      await file.close();
      expect(bytes * 8).toBeGreaterThanOrEqual(report!.bitsPerValue * 280 - 1e-6);
    }
  });
});

const F32 = (name: string, shape: number[], values: Float32Array): TensorSource => ({
  name,
  dtype: 'F32',
  shape,
  write: (emit) => emit(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
});
const raw = (
  name: string,
  dtype: TensorSource['dtype'],
  shape: number[],
  data: Float16Array | Float64Array | Uint16Array | BigInt64Array,
): TensorSource => ({ name, dtype, shape, write: (emit) => emit(new Uint8Array(data.buffer)) });

/** Matrices of all types of floats, a vector, integers. */
async function checkpoint(folder: string): Promise<string> {
  const path = join(folder, 'model.safetensors');
  const some = VALUES.slice(0, 12);
  await writeSafetensors(path, [
    F32('a.weight', [3, 4], some),
    raw('b.weight', 'F16', [3, 4], new Float16Array(some)),
    // The upper half of a float32 is a bfloat16.
    raw(
      'c.weight',
      'BF16',
      [3, 4],
      new Uint16Array(some.buffer.slice(0)).filter((_, i) => i % 2 === 1),
    ),
    raw('d.weight', 'F64', [3, 4], new Float64Array(some)),
    F32('norm', [4], some.slice(0, 4)),
    raw('ids', 'I64', [2, 2], new BigInt64Array([1n, 2n, 3n, 4n])),
  ]);
  return path;
}

describe('a safetensors file', () => {
  it('gives a report for each matrix of floats and a whole file again', async () => {
    const folder = await temporaryFolder();
    const [path, out] = [await checkpoint(folder), join(folder, 'out.safetensors')];
    const steps: string[] = [];
    const reports = await quantizeFile(kernels, path, createFormat('int8'), {
      out,
      onProgress: ({ tensor, done, total }) => steps.push(`${tensor} ${done}/${total}`),
    });
    expect(reports.map(({ tensor }) => tensor)).toEqual(['a.weight', 'b.weight', 'c.weight', 'd.weight']);
    expect(steps.slice(0, 2)).toEqual(['a.weight 0/48', 'a.weight 12/48']);
    expect(steps.at(-1)).toBe('d.weight 48/48');
    // The types hold nearly the same values.
    for (const { scales } of reports) expect(scales[0]).toBeCloseTo(reports[0]!.scales[0]!, 2);
    expect(reports[3]!.scales).toEqual(reports[0]!.scales);
    const file = await openSafetensors(out);
    const types = [...file.tensors.values()].map(({ name, dtype }) => `${name} ${dtype}`);
    expect(types).toEqual([
      'a.weight F32',
      'b.weight F32',
      'c.weight F32',
      'd.weight F32',
      'norm F32',
      'ids I64',
    ]);
    const ids = new Uint8Array(32);
    await file.readInto(ids, file.tensors.get('ids')!.begin);
    await file.close();
    expect(new BigInt64Array(ids.buffer)).toEqual(new BigInt64Array([1n, 2n, 3n, 4n]));
  });

  it('gives one tensor, of any rank, as .npy or as a file of its own', async () => {
    const folder = await temporaryFolder();
    const path = await checkpoint(folder);
    const npy = join(folder, 'norm.npy');
    const [report] = await quantizeFile(kernels, path, createFormat('float32'), { tensor: 'norm', out: npy });
    expect(report).toMatchObject({ tensor: 'norm', shape: [4] });
    expect(await floats(npy)).toEqual(VALUES.slice(0, 4));
    const alone = join(folder, 'alone.safetensors');
    await quantizeFile(kernels, path, createFormat('int4'), { tensor: 'b.weight', out: alone });
    const file = await openSafetensors(alone);
    expect([...file.tensors.keys()]).toEqual(['b.weight']);
    await file.close();
  });

  it('packs several tensors into one file, which can be read as any other', async () => {
    const folder = await temporaryFolder();
    const [path, pack, out] = [await checkpoint(folder), join(folder, 'p.bin'), join(folder, 'b.npy')];
    await quantizeFile(kernels, path, createFormat('int4', { range: 'asymmetric' }, 'group:3'), { pack });
    await unpackFile(kernels, pack, out, 'b.weight');
    const reports = await quantizeFile(kernels, pack, createFormat('float32'));
    expect(reports.map(({ tensor }) => tensor)).toEqual(['a.weight', 'b.weight', 'c.weight', 'd.weight']);
    const [again] = await quantizeFile(kernels, pack, createFormat('float32'), { tensor: 'b.weight' });
    expect(again!.shape).toEqual([3, 4]);
    expect(await floats(out)).toHaveLength(12);
  });
});

describe('mistakes', () => {
  async function errorOf(
    options: { out?: string; pack?: string; tensor?: string },
    name = 'model.safetensors',
  ): Promise<string> {
    const folder = await temporaryFolder();
    await checkpoint(folder);
    await writeNpy(join(folder, 'x.npy'), [2, 2], new Float32Array([1, 2, Number.NaN, 4]));
    const here = (file?: string) => (file === undefined ? undefined : join(folder, file));
    const before = await readdir(folder);
    const mark = kernels.mark();
    const text = await inputErrorOf(
      quantizeFile(kernels, join(folder, name), createFormat('int8'), {
        tensor: options.tensor,
        out: here(options.out),
        pack: here(options.pack),
      }),
    );
    expect(await readdir(folder)).toEqual(before);
    expect(kernels.mark()).toBe(mark);
    return text;
  }

  it.each([
    ['an unknown tensor', { tensor: 'a.wieght' }, 'did you mean "a.weight"? known: a.weight, b.weight'],
    ['integers', { tensor: 'ids' }, 'expected F32, F16, BF16 or F64, found I64'],
    ['the input as output', { out: 'model.safetensors' }, 'is the input: expected another file'],
    ['the input by another name', { pack: './model.safetensors' }, 'is the input: expected another file'],
    ['one file for both outputs', { out: 'a.safetensors', pack: 'a.safetensors' }, 'is also --out'],
    ['several tensors for one array', { out: 'q.npy' }, 'expected one tensor for a .npy file, found 4'],
    ['another ending', { out: 'q.csv' }, 'ends in .npy or .safetensors'],
    ['a folder that is not there', { out: 'none/q.safetensors' }, 'no folder'],
  ])('%s', async (_, options, message) => {
    expect(await errorOf(options)).toContain(message);
  });

  it.each([
    ['a value that is not finite', { out: 'q.npy' }, 'x.npy', 'element 2 is NaN'],
    ['a name in a file of one array', { tensor: 'a' }, 'x.npy', 'one array without a name'],
    ['a missing array', {}, 'y.npy', 'no such file'],
    ['a missing file', {}, 'y.bin', 'no such file'],
  ])('%s', async (_, options, name, message) => {
    expect(await errorOf(options, name)).toContain(message);
  });

  it('other files are named for what they are not', async () => {
    const folder = await temporaryFolder();
    const format = createFormat('int8');
    await writeFile(join(folder, 'x.txt'), '1.5, 2.5, 3.5');
    const text = await inputErrorOf(quantizeFile(kernels, join(folder, 'x.txt'), format));
    expect(text).toContain('expected a .npy or .safetensors file');
    expect(await inputErrorOf(quantizeFile(kernels, folder, format))).toContain(
      'give one of its .safetensors files',
    );
    await writeSafetensors(join(folder, 'v.safetensors'), [F32('norm', [4], VALUES.slice(0, 4))]);
    expect(await inputErrorOf(quantizeFile(kernels, join(folder, 'v.safetensors'), format))).toContain(
      'pick one of another shape with --tensor: norm',
    );
    expect(
      await inputErrorOf(unpackFile(kernels, join(folder, 'v.safetensors'), join(folder, 'o.npy'), 'norm')),
    ).toContain('expected a packed file');
  });
});

describe('a packed file that nobody packed', () => {
  const good = { format: 'int4', settings: {}, granularity: 'channel', shape: [2, 8] };

  async function unpackOf(headers: unknown, sections: Record<string, number>): Promise<string> {
    const folder = await temporaryFolder();
    const path = join(folder, 'p.bin');
    const sources = Object.entries(sections).map(
      ([name, bytes]): TensorSource => ({
        name,
        dtype: 'U8',
        shape: [bytes],
        write: (emit) => emit(new Uint8Array(bytes)),
      }),
    );
    const text = typeof headers === 'string' ? headers : JSON.stringify(headers);
    await writeSafetensors(path, sources, { tapeout_packed: text });
    return inputErrorOf(unpackFile(kernels, path, join(folder, 'x.npy'), 't'));
  }
  const bytes = { 't.codes': 8, 't.scales': 8 };

  it.each([
    ['no JSON', '{', bytes, 'a JSON object of tensor names'],
    ['no object', [1], bytes, 'a JSON object of tensor names'],
    ['no header', { t: null }, bytes, 'lacks format, settings, granularity or shape'],
    ['an unknown format', { t: { ...good, format: 'int4x' } }, bytes, 'did you mean "int4"?'],
    ['an unknown setting', { t: { ...good, settings: { x: 1 } } }, bytes, 'unknown setting "x"'],
    ['an unknown granularity', { t: { ...good, granularity: 'row' } }, bytes, 'expected a granularity among'],
    ['a negative size', { t: { ...good, shape: [-2, 8] } }, bytes, 'not one of whole numbers'],
    ['a huge shape', { t: { ...good, shape: [2 ** 40, 2 ** 40] } }, bytes, 'cannot hold'],
    ['a larger shape', { t: { ...good, shape: [2, 9] } }, bytes, 'codes: expected 9 bytes, found 8'],
    ['a missing section', { t: good }, { 't.codes': 20 }, 'damaged'],
    ['a section too many', { t: good }, { ...bytes, 't.more': 3 }, 'more: expected 0 bytes, found 3'],
  ])('%s', async (_, headers, sections, message) => {
    expect(await unpackOf(headers, sections)).toContain(message);
  });

  it('any header of any format ends in values or an InputError', async () => {
    const header = fc.record(
      {
        format: fc.constantFrom(...Object.keys(FORMATS)),
        settings: fc.constant({}),
        granularity: fc.constantFrom('tensor', 'channel', 'group:3', 'group:32', 'none'),
        shape: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 3 }),
      },
      { requiredKeys: ['format', 'settings', 'granularity'] },
    );
    const folder = await temporaryFolder();
    const path = join(folder, 'p.bin');
    await fc.assert(
      fc.asyncProperty(header, fc.uint8Array({ maxLength: 80 }), async (header, data) => {
        const half = data.length >> 1;
        const parts = { 't.codes': data.subarray(0, half), 't.scales': data.subarray(half) };
        const sources = Object.entries(parts).map(
          ([name, part]): TensorSource => ({
            name,
            dtype: 'U8',
            shape: [part.length],
            write: (emit) => emit(part),
          }),
        );
        await writeSafetensors(path, sources, { tapeout_packed: JSON.stringify({ t: header }) });
        await unpackFile(kernels, path, join(folder, 'x.npy')).catch((error) => {
          expect(error).toBeInstanceOf(InputError);
        });
      }),
      { numRuns: 200 },
    );
  });
});
