import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { goldenPath } from '../../test/golden.ts';
import { writeSafetensors } from '../checkpoint/index.ts';
import { FORMATS } from '../formats/index.ts';
import { openNpy, writeNpy } from '../tensor/index.ts';
import { register } from './quantize.ts';
import { displayWidth } from './table.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What `tapeout quantize` prints on stdout. */
async function quantize(...words: string[]): Promise<string> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  try {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    register(program);
    for (const command of program.commands) command.exitOverride();
    await program.parseAsync(['quantize', ...words], { from: 'user' });
    return log.mock.calls.map(([line]) => `${line}\n`).join('');
  } finally {
    log.mockRestore();
  }
}

/** Rows that end at 1, 2, 3 times 0.7, so that a row's int4 scale is 0.1, 0.2, 0.3. */
async function arrayFile(folder: string): Promise<string> {
  const path = join(folder, 'x.npy');
  const values = Float32Array.from({ length: 24 }, (_, i) => (Math.floor(i / 8) + 1) * ((i % 8) / 10));
  await writeNpy(path, [3, 8], values);
  return path;
}

describe('numbers', () => {
  it('are shown with code, element and value', async () => {
    const text = await quantize('--values', '1.5,2.6,-5.2,-98', '--format', 'int4', '--set', 'scale=1');
    expect(text).toMatch(/^ +1\.5 +0010 +2 +2 +-0\.5$/m);
    expect(text).toMatch(/^ +-98 +1001 +-7 +-7 +-91$/m);
    expect(text).toMatch(/^bits a value +12$/m);
    expect(text).toMatch(/^scales +1 \(one a channel\)$/m);
  });

  it('have a scale of their own where none is set, and codes as wide as the format', async () => {
    const { values, scales, shape } = JSON.parse(
      await quantize('--values', '-127 63.5 1e0 .5', '--format', 'int8', '--json'),
    );
    expect(shape).toEqual([4]);
    expect(scales).toEqual([1]);
    expect(values).toEqual([
      { x: -127, code: '10000001', element: -127, value: -127 },
      { x: 63.5, code: '01000000', element: 64, value: 64 },
      { x: 1, code: '00000001', element: 1, value: 1 },
      { x: 0.5, code: '00000000', element: 0, value: 0 },
    ]);
    expect(await quantize('--values', '-2', '--format', 'float16')).toContain(' 1100000000000000 ');
  });

  it.each(Object.keys(FORMATS))('go through %s, with a table that fits', async (name) => {
    const text = await quantize('--values', '0.5,-1,3.25,100', '--format', name);
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(100);
    const { values, bitsPerValue, snrDb } = JSON.parse(
      await quantize('--values', '0.5,-1,3.25,100', '--format', name, '--json'),
    );
    expect(values).toHaveLength(4);
    for (const { code } of values) expect(code).toMatch(/^[01]+$/);
    expect(bitsPerValue).toBeGreaterThan(1);
    expect(snrDb === 'Infinity' || Number.isFinite(snrDb)).toBe(true);
  });
});

describe('a file', () => {
  it('of one array gives figures, and a JSON object with every scale', async () => {
    const path = await arrayFile(await temporaryFolder());
    const text = await quantize(path, '--format', 'int4');
    expect(text).toContain(`int4 of ${path}, [3, 8]`);
    expect(text).toMatch(/^scales +0\.1 to 0\.3, median 0\.2; 3, one a channel$/m);
    const report = JSON.parse(await quantize(path, '--format', 'int4', '--json'));
    expect(report).toMatchObject({ format: 'int4', granularity: 'channel', shape: [3, 8], bitsPerValue: 8 });
    expect(report.scales.map((scale: number) => scale.toFixed(4))).toEqual(['0.1000', '0.2000', '0.3000']);
    expect(report.snrDb === 'Infinity' || report.snrDb > 100).toBe(true);
  });

  it('takes settings and granularities', async () => {
    const path = await arrayFile(await temporaryFolder());
    const words = ['--format', 'int4', '--granularity', 'group:4', '--set', 'range=asymmetric', '--json'];
    const report = JSON.parse(await quantize(path, ...words));
    expect(report).toMatchObject({ granularity: 'group:4', settings: { range: 'asymmetric' } });
    expect(report.scales).toHaveLength(6);
    // 4 bits of code; a float32 and 4 bits of zero point for 4 values.
    expect(report.bitsPerValue).toBe(4 + 36 / 4);
  });

  it('of zeros loses nothing, of no values has 0 bits', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'zeros.npy');
    await writeNpy(path, [2, 3], new Float32Array(6));
    expect(await quantize(path, '--format', 'int8')).toMatch(/^SNR +exact$/m);
    expect(JSON.parse(await quantize(path, '--format', 'int8', '--json'))).toMatchObject({
      mse: 0,
      snrDb: 'Infinity',
      scales: [1, 1],
    });
    expect(
      JSON.parse(await quantize(goldenPath('npy/empty.npy'), '--format', 'int8', '--json')),
    ).toMatchObject({
      shape: [0, 5],
      bitsPerValue: 0,
      scales: [],
    });
  });

  it('of several tensors gives a table, and a list', async () => {
    const path = join(await temporaryFolder(), 'model.safetensors');
    const write = (emit: (chunk: Uint8Array) => Promise<void>) =>
      emit(new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer));
    const tensors = ['a', 'b'].map((name) => ({ name, dtype: 'F32' as const, shape: [2, 3], write }));
    await writeSafetensors(path, tensors);
    const text = await quantize(path, '--format', 'int8', '--granularity', 'tensor');
    expect(text).toContain('int8, a scale a tensor, of');
    expect(text).toMatch(/^a +2 x 3 +13\.3333 /m);
    const list = JSON.parse(await quantize(path, '--format', 'int8', '--json'));
    expect(list.map(({ tensor }: { tensor: string }) => tensor)).toEqual(['a', 'b']);
    const one = JSON.parse(await quantize(path, '--format', 'int8', '--tensor', 'b', '--json'));
    expect(one).toEqual(list[1]);
  });

  it('is packed and comes back', async () => {
    const folder = await temporaryFolder();
    const path = await arrayFile(folder);
    const [pack, out, again] = ['x.bin', 'q.npy', 'again.npy'].map((name) => join(folder, name));
    await quantize(path, '--format', 'int3', '--pack', pack!, '--out', out!);
    expect(await quantize('--unpack', pack!, '--out', again!)).toContain(`written to ${again}`);
    const read = async (name: string) => {
      const file = await openNpy(name);
      const values = new Float32Array(file.length);
      await file.readInto(values);
      await file.close();
      return values;
    };
    expect(await read(again!)).toEqual(await read(out!));
    // What is packed in a format loses nothing more in it.
    const once = JSON.parse(await quantize(pack!, '--format', 'float32', '--json'));
    expect(once).toMatchObject({ snrDb: 'Infinity', shape: [3, 8] });
  });
});

describe('bad input', () => {
  const npy = (name: string) => goldenPath(`npy/${name}.npy`);
  const good = npy('f4');

  it.each([
    ['an unknown format', [good, '--format', 'int9x'], 'unknown format "int9x"', 'did you mean "int9"?'],
    ['no format', [good], 'expected --format with a name', 'known: '],
    [
      'an unknown setting',
      [good, '--format', 'int8', '--set', 'rang=x'],
      '"rang" of int8',
      'did you mean "range"?',
    ],
    [
      'an unknown value',
      [good, '--format', 'int8', '--set', 'range=asym'],
      'one of symmetric',
      'found "asym"',
    ],
    [
      'a scale of 0',
      [good, '--format', 'int8', '--set', 'scale=0'],
      'expected scale to be a number from',
      '"0"',
    ],
    [
      'a setting where there is none',
      [good, '--format', 'tf32', '--set', 'a=1'],
      '"a" of tf32',
      'has no settings',
    ],
    [
      'group 0',
      [good, '--format', 'int8', '--granularity', 'group:0'],
      'a group of 1 to 999999999 values',
      'group:0',
    ],
    [
      'an unknown granularity',
      [good, '--format', 'int8', '--granularity', 'chanel'],
      'did you mean "channel"?',
      '',
    ],
    [
      'a granularity without a scale',
      [good, '--format', 'tf32', '--granularity', 'tensor'],
      'no granularity',
      '',
    ],
    ['a missing file', ['nowhere.npy', '--format', 'int8'], 'nowhere.npy: no such file', ''],
    ['neither file nor numbers', ['--format', 'int8'], 'expected a file, or numbers', 'for example'],
    ['file and numbers', [good, '--values', '1', '--format', 'int8'], 'a file or --values, found both', ''],
    ['words for numbers', ['--values', '1,two', '--format', 'int8'], '--values: expected numbers', '"two"'],
    ['no numbers', ['--values', ' ', '--format', 'int8'], 'expected numbers', '" "'],
    [
      'a number that is not finite',
      ['--values', '1,nan', '--format', 'int8'],
      '1 that is not: element 1 is NaN',
      '',
    ],
    ['a number beyond float32', ['--values', '1e39', '--format', 'int8'], 'element 0 is Infinity', ''],
    [
      'numbers with an output',
      ['--values', '1', '--format', 'int8', '--out', 'x.npy'],
      '--out does not go with',
      '',
    ],
    [
      'unpacking in a format',
      [good, '--unpack', '--format', 'int8', '--out', 'x.npy'],
      '--format does not go',
      '',
    ],
    ['unpacking to nowhere', [good, '--unpack'], 'expected --out with --unpack', ''],
    [
      'unpacking what is not packed',
      [good, '--unpack', '--out', 'x.npy'],
      'expected a packed file',
      '--pack FILE',
    ],
    ['Fortran order', [npy('fortran'), '--format', 'int8'], 'found Fortran order', 'np.ascontiguousarray(x)'],
    ['big-endian numbers', [npy('big-endian'), '--format', 'int8'], 'found dtype ">f4"', "astype('<f4')"],
    [
      'an object array',
      [npy('object'), '--format', 'int8'],
      'found dtype "|O"',
      'pickles, which are refused',
    ],
    ['an archive', [npy('archive'), '--format', 'int8'], 'expected a .npy file', 'np.save'],
  ])('%s', async (_, words, message, more) => {
    const text = await inputErrorOf(quantize(...words));
    expect(text).toContain(message);
    expect(text).toContain(more);
  });

  it('a setting without a value is refused by the command line', async () => {
    await expect(quantize(good, '--format', 'int8', '--set', 'scale')).rejects.toThrow('expected key=value');
  });
});
