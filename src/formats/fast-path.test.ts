import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { createFormat, type FloatFormat, FORMATS } from './index.ts';

/*
 * The fast paths against the oracles, bit for bit. A NaN must stay a NaN; which one is left open.
 */

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const floats = Object.values(FORMATS).flatMap(({ float }) => float ?? []);
const int8 = createFormat('int8', {}, 'tensor');
const ONE = { scales: new Float32Array([1]) };

describe.each(floats.filter(({ bits }) => bits <= 19))('$name', (format) => {
  it('rounds every value, every midpoint and their neighbours as the oracle', () => {
    const values: number[] = [];
    for (let code = 0; code < 2 ** format.bits; code++) {
      const here = format.decode(code);
      values.push(here);
      const next = format.decode(code + 1);
      if (Number.isFinite(here) && Number.isFinite(next)) values.push(...around((here + next) / 2));
    }
    // Where infinity begins to win.
    const last = format.max - format.decode(format.encode(format.max) - 1);
    for (const value of around(format.max + last / 2)) values.push(value, -value);
    expect(firstDifference(format, new Float32Array(values))).toBe('none');
  });
});

describe.each(floats)('$name', (format) => {
  it('rounds any float32 as the oracle', () => {
    // Any bits, so that every exponent is as likely.
    const words = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(words, (bits) => {
        expect(firstDifference(format, new Float32Array(Uint32Array.from(bits).buffer))).toBe('none');
      }),
      { numRuns: 500 },
    );
  });
});

describe('int8', () => {
  it('encodes codes, midpoints, neighbours and what lies beyond as the oracle', () => {
    const values = [0, -0, 1e30, -1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let half = -260; half <= 260; half++) values.push(...around(half / 2));
    expect(firstInt8Difference(values)).toBe('none');
  });

  it('encodes any float32 as the oracle', () => {
    const float = fc.oneof(fc.float({ noNaN: true }), fc.float({ noNaN: true, min: -130, max: 130 }));
    fc.assert(
      fc.property(fc.array(float, { minLength: 1, maxLength: 100 }), (values) => {
        expect(firstInt8Difference(values)).toBe('none');
      }),
      { numRuns: 500 },
    );
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

function firstDifference(format: FloatFormat, values: Float32Array): string {
  const mark = kernels.mark();
  const fast = kernels.load(values);
  format.round(kernels, fast);
  const index = values.findIndex((value, i) => !Object.is(format.decode(format.encode(value)), fast[i]));
  const found = index < 0 ? 'none' : `${values[index]} becomes ${fast[index]}`;
  kernels.release(mark);
  return found;
}

function firstInt8Difference(values: number[]): string {
  const mark = kernels.mark();
  const { buffer, byteOffset } = kernels.bytes(values.length);
  const codes = new Int8Array(buffer, byteOffset, values.length);
  kernels.quantizeSigned(codes, kernels.load(new Float32Array(values)), 1);
  const x = new Float32Array(values);
  const oracle = int8.decode(int8.encode(x, x.length, ONE), x.length, ONE);
  const index = values.findIndex((_, i) => oracle[i] !== codes[i]! + 0);
  const found = index < 0 ? 'none' : `${values[index]} becomes ${codes[index]}`;
  kernels.release(mark);
  return found;
}
