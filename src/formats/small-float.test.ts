import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readGolden } from '../../test/golden.ts';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { e2m1 } from './float4-e2m1.ts';
import { e2m3 } from './float6-e2m3.ts';
import { e3m2 } from './float6-e3m2.ts';
import { e4m3 } from './float8-e4m3.ts';
import { e5m2 } from './float8-e5m2.ts';
import { createFormat } from './index.ts';
import { decodeSmallFloat, encodeSmallFloat, type Overflow, type SmallFloat } from './small-float.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const FLOATS = [e4m3, e5m2, e2m3, e3m2, e2m1];
const MODES: Overflow[] = ['saturate', 'special'];

/** Limits as the standards write them: max, emax, smallest normal, smallest subnormal, codes that are no numbers. */
describe.each([
  [e4m3, 448, 8, 2 ** -6, 2 ** -9, 2],
  [e5m2, 57344, 15, 2 ** -14, 2 ** -16, 8],
  [e2m3, 7.5, 2, 1, 2 ** -3, 0],
  [e3m2, 28, 4, 2 ** -2, 2 ** -4, 0],
  [e2m1, 6, 2, 1, 2 ** -1, 0],
])('$name by its specification', (float, max, emax, normal, subnormal, others) => {
  const codes = Array.from({ length: 2 ** float.bits }, (_, code) => code);
  const sign = 2 ** (float.bits - 1);

  it('has the limits of the standard', () => {
    const values = codes.map((code) => decodeSmallFloat(float, code));
    const finite = values.filter(Number.isFinite);
    expect(Math.max(...finite)).toBe(max);
    expect(Math.min(...finite)).toBe(-max);
    expect(float.max).toBe(max);
    expect(float.maxExponent).toBe(emax);
    expect(2 ** float.minExponent).toBe(normal);
    expect(decodeSmallFloat(float, 2 ** float.mantissaBits)).toBe(normal);
    expect(decodeSmallFloat(float, 1)).toBe(subnormal);
    expect(values.length - finite.length).toBe(others);
    expect(decodeSmallFloat(float, sign)).toBe(-0);
  });

  it('decodes and encodes every code back to itself, NaN to one NaN', () => {
    for (const code of codes) {
      const value = decodeSmallFloat(float, code);
      expect(encodeSmallFloat(float, value, 'special')).toBe(Number.isNaN(value) ? sign - 1 : code);
      if (Number.isFinite(value)) expect(encodeSmallFloat(float, value, 'saturate')).toBe(code);
    }
  });

  it('sends middles to the even code, and all else to the nearest', () => {
    for (let code = 0; code + 1 < float.magnitudes.length; code++) {
      const [here, next] = [decodeSmallFloat(float, code), decodeSmallFloat(float, code + 1)];
      const [middle, step] = [(here + next) / 2, next - here];
      const even = code % 2 === 0 ? code : code + 1;
      expect(encodeSmallFloat(float, middle)).toBe(even);
      expect(encodeSmallFloat(float, -middle)).toBe(even + sign);
      expect(encodeSmallFloat(float, middle - step / 1000)).toBe(code);
      expect(encodeSmallFloat(float, middle + step / 1000)).toBe(code + 1);
    }
  });
});

it('E2M1 is 0, 0.5, 1, 1.5, 2, 3, 4, 6', () => {
  expect(e2m1.magnitudes).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
});

it('overflow saturates, or becomes NaN in E4M3 and infinity in E5M2', () => {
  const encode = (float: SmallFloat, overflow: Overflow) => (value: number) =>
    encodeSmallFloat(float, value, overflow);
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  expect([464, 464.1, 480, 1e9, -inf, nan].map(encode(e4m3, 'saturate'))).toEqual([
    0x7e, 0x7e, 0x7e, 0x7e, 0xfe, 0x7f,
  ]);
  expect([464, 464.1, 480, 1e9, -inf, nan].map(encode(e4m3, 'special'))).toEqual([
    0x7e, 0x7f, 0x7f, 0x7f, 0xff, 0x7f,
  ]);
  expect([61439, 61440, 1e9, -inf, nan].map(encode(e5m2, 'saturate'))).toEqual([
    0x7b, 0x7b, 0x7b, 0xfb, 0x7f,
  ]);
  expect([61439, 61440, 1e9, -inf, nan].map(encode(e5m2, 'special'))).toEqual([0x7b, 0x7c, 0x7c, 0xfc, 0x7f]);
  expect([7, 1e9, -inf, nan].map(encode(e2m1, 'special'))).toEqual([7, 7, 15, 0]);
});

describe.each(FLOATS)('$name', (float) => {
  it('encodes as ml_dtypes', async () => {
    const golden = await readGolden(`microscaling/${float.name}.safetensors`);
    expect('special' in golden).toBe(float.specials !== 'none');
    for (const mode of MODES) {
      const expected = golden[mode]?.data;
      if (!expected) continue;
      const wrong = [...golden.input!.data].filter((value, i) => {
        const code = expected[i]! & 0xff;
        // NaN keeps no sign here.
        if (Number.isNaN(value)) return !Number.isNaN(decodeSmallFloat(float, code));
        return encodeSmallFloat(float, value, mode) !== code;
      });
      expect(expected.length).toBeGreaterThan(2000);
      expect(wrong).toEqual([]);
    }
  });

  it.each(MODES)(
    'the kernel rounds every value, every middle and their neighbours as the oracle: %s',
    (mode) => {
      const values: number[] = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const [code, here] of float.magnitudes.entries()) {
        const next = float.magnitudes[code + 1] ?? 2 * here - float.magnitudes[code - 1]!;
        for (const value of [...around(here), ...around((here + next) / 2), ...around(next)])
          values.push(value, -value);
      }
      expect(firstDifference(float, mode, new Float32Array(values))).toBe('none');
    },
  );

  it.each(MODES)('the kernel rounds any float32 as the oracle: %s', (mode) => {
    const words = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(words, (bits) => {
        const values = new Float32Array(Uint32Array.from(bits).buffer);
        expect(firstDifference(float, mode, values)).toBe('none');
      }),
      { numRuns: 300 },
    );
  });

  it('takes its scale from the largest value, or from outside', () => {
    const x = Float32Array.of(0, -3, 1, 0, 0, 0, 0, 0);
    const mark = kernels.mark();
    const scales = (settings: object, granularity: string) => [
      ...createFormat(float.name, { ...settings }, granularity).fit(kernels, kernels.load(x), 4).scales,
    ];
    expect(scales({}, 'channel')).toEqual([Math.fround(3 / float.max), 1]);
    expect(scales({}, 'tensor')).toEqual([Math.fround(3 / float.max)]);
    expect(scales({}, 'group:3')).toEqual([Math.fround(3 / float.max), 1, 1, 1]);
    expect(scales({ scale: '0.25' }, 'channel')).toEqual([0.25, 0.25]);
    kernels.release(mark);
  });
});

/** A float32 value, the one below it and the one above it. */
function around(value: number): number[] {
  const float = new Float32Array([value]);
  const word = new Int32Array(float.buffer);
  const values = [value];
  for (const step of [-1, 2]) {
    word[0]! += step;
    values.push(float[0]!);
  }
  return values;
}

function firstDifference(float: SmallFloat, overflow: Overflow, values: Float32Array): string {
  const special = float.specials !== 'none';
  const format = createFormat(float.name, { scale: 1, ...(special && { overflow }) }, 'tensor');
  const fit = { scales: new Float32Array([1]) };
  const mark = kernels.mark();
  const fast = kernels.load(values);
  format.round(kernels, fast, values.length, fit, 'elements');
  const slow = format.decode(format.encode(values, values.length, fit), values.length, fit);
  const index = slow.findIndex((value, i) => !Object.is(value, fast[i]));
  const found = index < 0 ? 'none' : `${values[index]} becomes ${fast[index]}, oracle ${slow[index]}`;
  kernels.release(mark);
  return found;
}
