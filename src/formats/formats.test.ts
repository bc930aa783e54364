import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { createFormat, FORMATS, findFormat } from './index.ts';

/** Codes of the floats that are small enough to try every one of them. */
const NARROW_FLOATS = ['bfloat16', 'float16', 'tf32'] as const;

describe('the registry', () => {
  it('has each format under its name', () => {
    const names = Object.keys(FORMATS);
    expect(new Set(names).size).toBe(names.length);
    expect(Object.values(FORMATS).map((format) => format.name)).toEqual(names);
  });

  it('suggests the nearest name', () => {
    expect(findFormat('int8').name).toBe('int8');
    const error = catchError(() => findFormat('flaot16'));
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).format()).toBe(
      `unknown format "flaot16"\n  did you mean "float16"? known: ${Object.keys(FORMATS).join(', ')}`,
    );
    expect(() => findFormat('constructor')).toThrow(InputError);
  });
});

describe.each(NARROW_FLOATS)('%s', (name) => {
  const format = findFormat(name).float!;
  const sign = 2 ** (format.bits - 1);

  it('decodes and encodes every code back to itself, NaN to one NaN', () => {
    const quietNan = format.encode(Number.NaN);
    let nans = 0;
    let wrong = 0;
    for (let code = 0; code < 2 ** format.bits; code++) {
      const value = format.decode(code);
      const nan = Number.isNaN(value);
      if (nan) nans++;
      if (format.encode(value) !== (nan ? quietNan : code)) wrong++;
    }
    expect(wrong).toBe(0);
    expect(nans).toBe(2 * (2 ** mantissaBits(name) - 1));
    expect(format.decode(quietNan)).toBeNaN();
    expect(quietNan).toBeLessThan(sign);
  });

  it('orders codes as values, and sends midpoints to the even code', () => {
    let wrong = 0;
    for (let code = 0; Number.isFinite(format.decode(code)); code++) {
      const here = format.decode(code);
      // Beyond the largest value the grid goes on: its next step is where infinity begins to win.
      const next = format.decode(code + 1);
      const step = Number.isFinite(next) ? next - here : here - format.decode(code - 1);
      const middle = here + step / 2;
      const even = code % 2 === 0 ? code : code + 1;
      if (!(next > here)) wrong++;
      if (format.encode(middle) !== even) wrong++;
      if (format.encode(-middle) !== even + sign) wrong++;
      if (format.encode(here + step * 0.499) !== code) wrong++;
      if (format.encode(here + step * 0.501) !== code + 1) wrong++;
    }
    expect(wrong).toBe(0);
  });
});

/** Constants from the standards, written out, against the codes. */
describe.each([
  ['float16', 65504, 2 ** -14, 2 ** -24, 0x7bff, 0x7c00, 0x7e00],
  ['bfloat16', 3.3895313892515355e38, 2 ** -126, 2 ** -133, 0x7f7f, 0x7f80, 0x7fc0],
  ['tf32', 3.4011621342146535e38, 2 ** -126, 2 ** -136, 0x3fbff, 0x3fc00, 0x3fe00],
  ['float32', 3.4028234663852886e38, 2 ** -126, 2 ** -149, 0x7f7fffff, 0x7f800000, 0x7fc00000],
] as const)('%s by its specification', (name, max, normal, subnormal, maxCode, infinity, nan) => {
  const format = findFormat(name).float!;

  it('has the limits of the standard', () => {
    expect(format.max).toBe(max);
    expect(format.encode(max)).toBe(maxCode);
    expect(format.decode(2 ** mantissaBits(name))).toBe(normal);
    expect(format.decode(1)).toBe(subnormal);
    expect(format.encode(subnormal / 2)).toBe(0);
    expect(format.encode(subnormal * 0.75)).toBe(1);
  });

  it('has signed zeros, infinities and one NaN', () => {
    const sign = 2 ** (format.bits - 1);
    expect(format.encode(0)).toBe(0);
    expect(format.encode(-0)).toBe(sign);
    expect(format.decode(sign)).toBe(-0);
    expect(format.encode(Number.POSITIVE_INFINITY)).toBe(infinity);
    expect(format.encode(Number.NEGATIVE_INFINITY)).toBe(sign + infinity);
    expect(format.decode(sign + infinity)).toBe(Number.NEGATIVE_INFINITY);
    expect(format.encode(Number.MAX_VALUE)).toBe(infinity);
    expect(format.encode(Number.NaN)).toBe(nan);
  });
});

describe('float32', () => {
  it('agrees with the float32 of the processor', () => {
    const words = new Uint32Array(1);
    const floats = new Float32Array(words.buffer);
    const { encode, decode } = findFormat('float32').float!;
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (value) => {
        floats[0] = value;
        expect(encode(value)).toBe(words[0]);
        expect(decode(words[0]!)).toBe(floats[0]);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (code) => {
        words[0] = code;
        expect(decode(code)).toBe(floats[0]);
      }),
    );
  });
});

describe('int8', () => {
  const int8 = createFormat('int8', {}, 'tensor');
  const one = { scales: new Float32Array([1]) };
  const encode = (value: number) => int8.encode(Float32Array.of(value), 1, one)[0]!;
  const decode = (code: number) => int8.decode(Uint32Array.of(code), 1, one)[0]!;

  it('decodes and encodes every code back to itself but -128, which is read and never written', () => {
    for (let code = 0; code < 256; code++) {
      expect(encode(decode(code))).toBe(code === 0x80 ? 0x81 : code);
    }
    expect(decode(0x80)).toBe(-128);
    expect(decode(0x81)).toBe(-127);
    expect(decode(0xff)).toBe(-1);
  });

  it('rounds ties to even, saturates, and has no NaN', () => {
    const codes = [0.5, 1.5, -0.5, -1.5, 126.5, 127.5, 1e30, -1e30, -0, Number.NaN].map(encode);
    expect(codes).toEqual([0, 2, 0, 254, 126, 127, 127, 0x81, 0, 0]);
    expect(encode(Number.NEGATIVE_INFINITY)).toBe(0x81);
  });
});

function mantissaBits(name: string): number {
  return findFormat(name).float!.mantissaBits;
}

function catchError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
