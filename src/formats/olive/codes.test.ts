import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFormat } from '../index.ts';
import {
  type Abfloat,
  decodeMagnitude,
  E2M1_WITH_FLINT4,
  E2M1_WITH_INT4,
  E4M3_WITH_INT8,
} from './abfloat.ts';
import { oliveCoding, type PairType } from './coding.ts';
import { decodePair } from './decoder.ts';
import { elementOf } from './exponent-integer.ts';
import { encodePair, isOutlier } from './pairs.ts';

/** Codes, bytes and elements of a row with a fixed scale. */
function code(name: string, values: number[], settings: Record<string, unknown> = {}) {
  const format = createFormat(name, { scale: 1, ...settings }, 'tensor');
  const fit = { scales: Float32Array.of(Number(settings.scale ?? 1)), type: 'int4' };
  const codes = format.encode(Float32Array.from(values), values.length, fit);
  const elements = [...format.decode(codes, values.length, fit)];
  return { codes: [...codes], elements, bytes: [...format.pack(codes, values.length, fit).sections.codes!] };
}

const magnitudes = (abfloat: Abfloat, last: number) =>
  Array.from({ length: last + 1 }, (_, i) => elementOf(decodeMagnitude(abfloat, i)));

/** The tables as the paper prints them: value of each of the 16 codes. */
const INT4_CODES = [0, 1, 2, 3, 4, 5, 6, 7, Number.NaN, -7, -6, -5, -4, -3, -2, -1];
const FLINT4_CODES = [0, 1, 2, 3, 16, 8, 4, 6, Number.NaN, -1, -2, -3, -16, -8, -4, -6];
const OUTLIERS_WITH_INT4 = [0, 12, 16, 24, 32, 48, 64, 96, 0, -12, -16, -24, -32, -48, -64, -96];
const OUTLIERS_WITH_FLINT4 = OUTLIERS_WITH_INT4.map((value) => value * 2);

describe('code tables', () => {
  it('abfloat E2M1 without and with its biases', () => {
    expect(magnitudes({ ...E2M1_WITH_INT4, bias: 0 }, 7)).toEqual([0, 3, 4, 6, 8, 12, 16, 24]);
    expect(magnitudes(E2M1_WITH_INT4, 7)).toEqual([0, 12, 16, 24, 32, 48, 64, 96]);
    expect(magnitudes(E2M1_WITH_FLINT4, 7)).toEqual([0, 24, 32, 48, 64, 96, 128, 192]);
  });

  it('abfloat E4M3 ends at 2^15, codes above it too', () => {
    const all = magnitudes(E4M3_WITH_INT8, 127);
    expect(all.slice(0, 9)).toEqual([0, 144, 160, 176, 192, 208, 224, 240, 256]);
    expect(all.slice(60, 66)).toEqual([24576, 26624, 28672, 30720, 32768, 32768]);
    expect(Math.max(...all)).toBe(32768);
  });

  it.each([
    ['int4', INT4_CODES, OUTLIERS_WITH_INT4],
    ['flint4', FLINT4_CODES, OUTLIERS_WITH_FLINT4],
  ] as const)('all 256 pair bytes of %s', (type, normal, outliers) => {
    const format = createFormat(`olive-${type}`);
    const sections = { codes: Uint8Array.from({ length: 256 }, (_, i) => i), scales: new Uint8Array(4) };
    const { codes, fit } = format.unpack({ sections, bits: 0 }, 1, 512);
    const elements = format.decode(codes, 512, fit);
    const hardware = oliveCoding(type, 'paper');
    for (let byte = 0; byte < 256; byte++) {
      const [left, right] = [byte & 15, byte >> 4];
      const expected =
        left === 8 ? [0, outliers[right]] : right === 8 ? [outliers[left], 0] : [normal[left], normal[right]];
      expect([...elements.subarray(2 * byte, 2 * byte + 2)], `byte ${byte}`).toEqual(expected);
      expect(decodePair(hardware, left, right).map(elementOf), `byte ${byte}`).toEqual(expected);
    }
  });

  it('every code of int8 beside a normal value and beside an identifier', () => {
    const coding = oliveCoding('int8', 'paper');
    for (let code = 0; code < 256; code++) {
      const signed = code < 128 ? code : code - 256;
      const magnitude = code & 127;
      const outlier =
        magnitude === 0 ? 0 : Math.min((8 + (magnitude & 7)) * 2 ** ((magnitude >> 3) + 4), 32768);
      const expected = code & 128 ? -outlier || 0 : outlier;
      if (code !== 128) expect(decodePair(coding, code, 5).map(elementOf)).toEqual([signed, 5]);
      expect(decodePair(coding, code, 128).map(elementOf)).toEqual([expected, 0]);
      expect(decodePair(coding, 128, code).map(elementOf)).toEqual([0, expected]);
    }
  });

  it.each(['int4', 'flint4', 'int8'] as const)('elements of %s are coded as themselves', (type) => {
    for (const variant of ['paper', 'paper-nearest', 'reference-code'] as const) {
      const coding = oliveCoding(type, variant);
      const codes = 2 ** coding.type.bits;
      for (let left = 0; left < codes; left++) {
        const right = fc.sample(fc.integer({ min: 0, max: codes - 1 }), { numRuns: 1, seed: left })[0]!;
        const elements = decodePair(coding, left, right).map(elementOf);
        const again = encodePair(coding, elements[0]!, elements[1]!) as [number, number];
        expect(decodePair(coding, ...again).map(elementOf)).toEqual(elements);
      }
    }
  });

  it('reference code at 8 bits: E2M5', () => {
    const { abfloat, cut, lowest, highest } = oliveCoding('int8', 'reference-code');
    expect([cut, lowest, highest]).toEqual([129.5, 132, 2016]);
    expect(magnitudes(abfloat, 33)).toEqual([
      0,
      ...Array.from({ length: 31 }, (_, i) => 132 + 4 * i),
      256,
      264,
    ]);
  });
});

describe('Fig. 1', () => {
  const [x, identifier] = [0b0000, 0b1000];
  it.each([
    [
      [1.5, 2.6, -5.2, -98],
      [2, 3, identifier, 0b1111],
      [2, 3, 0, -96],
    ],
    [
      [17.6, 4.2, 7.1, -6.8],
      [0b0010, identifier, 7, 16 - 7],
      [16, 0, 7, -7],
    ],
    [
      [1.2, 6.3, 30.7, 5.9],
      [1, 6, 0b0100, identifier],
      [1, 6, 32, x],
    ],
  ])('%j', (values, codes, elements) => {
    for (const name of ['olive-int4', 'olive4']) {
      const found = code(name, values);
      expect(found.codes).toEqual(codes);
      expect(found.elements).toEqual(elements);
      expect(found.bytes).toEqual([codes[0]! | (codes[1]! << 4), codes[2]! | (codes[3]! << 4)]);
    }
    expect(code('olive-int4', values, { variant: 'reference-code' }).elements).toEqual(elements);
  });
});

describe('outliers', () => {
  it('begin at the cut', () => {
    for (const [type, variant, cut] of [
      ['int4', 'paper', 7.5],
      ['flint4', 'paper', 16.5],
      ['int8', 'paper', 127.5],
      ['int4', 'paper-nearest', 9.5],
      ['flint4', 'paper-nearest', 20],
      ['int8', 'paper-nearest', 135.5],
      ['int4', 'reference-code', 9.5],
      ['flint4', 'reference-code', 20],
      ['int8', 'reference-code', 129.5],
    ] as const) {
      const coding = oliveCoding(type, variant);
      for (const sign of [1, -1]) {
        expect(isOutlier(coding, sign * cut), `${type} ${variant}`).toBe(true);
        expect(isOutlier(coding, sign * cut * (1 - 2 ** -23)), `${type} ${variant}`).toBe(false);
        const below = code(`olive-${type}`, [sign * Math.fround(cut * (1 - 2 ** -23)), 1], {
          variant,
        }).elements;
        expect(below).toEqual([sign * coding.largest, 1]);
        expect(code(`olive-${type}`, [sign * cut, 1], { variant }).elements).toEqual([
          sign * coding.lowest,
          0,
        ]);
      }
    }
  });

  it('saturate at both ends', () => {
    expect(code('olive-int4', [8, 1, 11.9, 1]).elements).toEqual([12, 0, 12, 0]);
    expect(code('olive-int4', [0, 120, -3e38, 0]).elements).toEqual([0, 96, -96, 0]);
    expect(code('olive-int4', [Number.POSITIVE_INFINITY, 0, 0, Number.NEGATIVE_INFINITY]).elements).toEqual([
      96, 0, 0, -96,
    ]);
    expect(code('olive-flint4', [17, 1, 250, 1]).elements).toEqual([24, 0, 192, 0]);
    expect(code('olive-int8', [128, 1, -1e6, 1]).elements).toEqual([144, 0, -32768, 0]);
    expect(code('olive-int8', [128, 1, 1e6, 1], { variant: 'reference-code' }).elements).toEqual([
      127, 1, 2016, 0,
    ]);
  });

  it('of two, the larger stays, the left one of equals; in the public code the left one', () => {
    expect(code('olive-int4', [20, -30, -41, 30, 16, -16]).elements).toEqual([0, -32, -48, 0, 16, 0]);
    // Both saturate: still the larger of the values themselves.
    expect(code('olive-int4', [100, -200]).elements).toEqual([0, -96]);
    expect(code('olive-int4', [20, -30, -40, 30, 100, 200], { variant: 'reference-code' }).elements).toEqual([
      24, 0, -32, 0, 96, 0,
    ]);
  });

  it('ties: to the even mantissa; in the public code to the larger number', () => {
    const ties = [14, 0, 20, 0, 28, 0, 40, 0, 56, 0, 80, 0].flatMap((value, i) =>
      i % 2 ? [] : [value, 0, -value, 0],
    );
    const of = (variant: string) =>
      code('olive-int4', ties, { variant }).elements.filter((_, i) => i % 2 === 0);
    expect(of('paper')).toEqual([16, -16, 16, -16, 32, -32, 32, -32, 64, -64, 64, -64]);
    expect(of('reference-code')).toEqual([16, -12, 24, -16, 32, -24, 48, -32, 64, -48, 96, -64]);
  });
});

describe('normal values', () => {
  it.each([
    ['olive-int4', 'paper', [0, 2, 2, 4, 4, 6, 6], [0, -2, -2, -4, -4, -6, -6], 0.5],
    ['olive-int4', 'reference-code', [1, 2, 3, 4, 5, 6, 7], [0, -1, -2, -3, -4, -5, -6], 0.5],
  ] as const)('ties of %s, %s', (name, variant, positive, negative, first) => {
    const ties = positive.map((_, i) => first + i);
    expect(code(name, ties, { variant }).elements).toEqual(positive);
    expect(
      code(
        name,
        ties.map((tie) => -tie),
        { variant },
      ).elements,
    ).toEqual(negative);
  });

  it('ties of flint4', () => {
    const ties = [0.5, 1.5, 2.5, 3.5, 5, 7, 12];
    const of = (sign: number, variant: string) =>
      code(
        'olive-flint4',
        ties.map((tie) => sign * tie),
        { variant },
      ).elements;
    expect(of(1, 'paper')).toEqual([0, 2, 2, 4, 4, 8, 8]);
    expect(of(-1, 'paper')).toEqual([0, -2, -2, -4, -4, -8, -8]);
    expect(of(1, 'reference-code')).toEqual([1, 2, 3, 4, 6, 8, 16]);
    expect(of(-1, 'reference-code')).toEqual([0, -1, -2, -3, -4, -6, -8]);
  });

  it('NaN is 0, zero has no sign', () => {
    expect(code('olive-int4', [Number.NaN, 21, -0.1, -0, 30, Number.NaN]).elements).toEqual([
      0, 24, 0, 0, 32, 0,
    ]);
  });
});

describe('odd lengths', () => {
  it.each(['paper', 'reference-code'])(
    'the last value of a row has no partner and saturates, %s',
    (variant) => {
      expect(code('olive-int4', [1, 50, 98], { variant }).elements).toEqual([0, 48, 7]);
      expect(code('olive-int4', [-98], { variant }).elements).toEqual([-7]);
      expect(code('olive-flint4', [1, 50, 98], { variant }).elements).toEqual([0, 48, 16]);
      expect(code('olive-int8', [1, 1e5, -1e5], { variant: 'paper' }).elements).toEqual([0, 32768, -127]);
    },
  );

  it('rows begin with a pair of their own', () => {
    const format = createFormat('olive-int4', { scale: 1 });
    const fit = { scales: Float32Array.of(1, 1) };
    const codes = format.encode(Float32Array.of(1, 2, 3, 98, 4, 5), 3, fit);
    expect([...codes]).toEqual([1, 2, 3, 0b0111, 8, 5]);
    const packed = format.pack(codes, 3, fit);
    expect([...packed.sections.codes!]).toEqual([0x21, 0x03, 0x87, 0x05]);
    expect(packed.bits).toBe(6 * 4 + 2 * 32);
    expect([...format.unpack(packed, 2, 3).codes]).toEqual([...codes]);
  });

  it('a fault may make the last code an identifier: 0', () => {
    const format = createFormat('olive-int4', { scale: 1 });
    const fit = { scales: Float32Array.of(1) };
    expect([...format.decode(Uint32Array.of(3, 2, 8), 3, fit)]).toEqual([3, 2, 0]);
  });
});

describe('describe', () => {
  it('counts the kinds of pairs', () => {
    const format = createFormat('olive-int4', { scale: 1 });
    const x = Float32Array.of(1, 2, 20, 1, 20, 30, 3, -4, 1, 50);
    const fit = { scales: Float32Array.of(1) };
    const codes = format.encode(x, 10, fit);
    expect(format.describe!(codes, 10, fit, x)).toEqual({
      pairs: { 'normal-normal': 0.4, 'outlier-normal': 0.4, 'outlier-outlier': 0.2 },
    });
    expect(format.describe!(codes, 10, fit)).toEqual({
      pairs: { 'normal-normal': 0.4, 'outlier-victim': 0.6 },
    });
  });

  it('integers are as large as they say', () => {
    const largest = (type: PairType | 'auto') =>
      createFormat(type === 'auto' ? 'olive4' : `olive-${type}`).largestInteger;
    expect([largest('int4'), largest('flint4'), largest('int8'), largest('auto')]).toEqual([
      96, 192, 32768, 192,
    ]);
  });
});
