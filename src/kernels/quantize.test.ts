import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as oracle from './oracle.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();

interface Quantized {
  offset: number[];
  signed: number[];
  fake: Float32Array;
}

/** The three forms of one quantisation, on one scale. */
function quantized(x: Float32Array, scale: number): Quantized {
  const mark = kernels.mark();
  const [from, fake] = [kernels.load(x), kernels.load(x)];
  const codes = kernels.bytes(x.length + 1);
  codes[x.length] = 99;
  kernels.quantize(codes.subarray(0, x.length), from, scale);
  const offset = Array.from(codes.subarray(0, x.length), (code) => code - 128);
  const signed = new Int8Array(codes.buffer, codes.byteOffset, x.length);
  kernels.quantizeSigned(signed, from, scale);
  expect(codes[x.length]).toBe(99);
  kernels.fakeQuantize(fake, scale);
  const result = { offset, signed: Array.from(signed), fake: Float32Array.from(fake) };
  kernels.release(mark);
  return result;
}

describe('one scale', () => {
  test('ties go to the even code', () => {
    const ties = Float32Array.from({ length: 600 }, (_, i) => i / 2 - 150);
    const { signed } = quantized(ties, 1);
    expect(signed).toEqual(Array.from(ties, (x) => oracle.quantize(x, 1)));
    const at = (x: number) => signed[(x + 150) * 2];
    expect([at(0.5), at(1.5), at(2.5), at(-0.5), at(-1.5), at(126.5), at(127.5), at(-149)]).toEqual(
      [0, 2, 2, -0, -2, 126, 127, -127].map((code) => code + 0),
    );
  });

  test('any length and scale, in all forms', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 70 }),
        fc.float({ min: Math.fround(1e-6), max: 10, noNaN: true }),
        (length, scale) => {
          const x = oracle.sample(length, length, scale * 200);
          const expected = Array.from(x, (value) => oracle.quantize(value, scale) + 0);
          const { offset, signed, fake } = quantized(x, scale);
          expect(offset).toEqual(expected);
          expect(signed).toEqual(expected);
          expect(Array.from(fake)).toEqual(expected.map((code) => Math.fround(code * scale)));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('infinities saturate, NaN is code 0', () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    expect(quantized(Float32Array.of(infinity, -infinity, nan, 1e38), 1e-3).offset).toEqual([
      127, -127, 0, 127,
    ]);
    expect(Array.from(quantized(Float32Array.of(nan, -0.1), 1).fake)).toEqual([0, 0]);
  });
});

test('a scale a row', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 1, max: 50 }), (rows, columns) => {
      const mark = kernels.mark();
      const x = oracle.sample(rows * columns, columns, 3);
      x.fill(0, 0, Math.min(columns, x.length));
      const table = oracle.toRows(x, columns);
      const wanted = table.map(oracle.rowScale);
      const expected = table.flatMap((row, r) => row.map((value) => oracle.quantize(value, wanted[r]) + 0));
      const [from, scales] = [kernels.load(x), kernels.floats(rows)];
      const codes = kernels.bytes(x.length);
      kernels.quantizeRows(codes, scales, from, columns);
      expect(Array.from(scales)).toEqual(wanted);
      expect(Array.from(codes, (code) => code - 128)).toEqual(expected);
      const signed = new Int8Array(codes.buffer, codes.byteOffset, codes.length);
      kernels.quantizeSignedRows(signed, scales.fill(0), from, columns);
      expect(Array.from(scales)).toEqual(wanted);
      expect(Array.from(signed)).toEqual(expected);
      kernels.fakeQuantizeRows(from, columns);
      expect(Array.from(from)).toEqual(
        expected.map((code, i) => Math.fround(code * wanted[Math.floor(i / columns)])),
      );
      kernels.release(mark);
    }),
  );
});

test('dequantize rounds to float32 after each step, in the order that it promises', () => {
  const { fround } = Math;
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: 30 }),
      fc.constantFrom('number', 'vector'),
      fc.constantFrom('number', 'vector'),
      fc.boolean(),
      (rows, columns, rowKind, columnKind, withBias) => {
        const mark = kernels.mark();
        const sums = kernels.integers(rows * columns);
        sums.set(oracle.sampleIntegers(sums.length, columns, -(2 ** 31), 2 ** 31 - 1));
        const row = rowKind === 'number' ? fround(0.0123) : oracle.sample(rows, 1);
        const column = columnKind === 'number' ? fround(0.00321) : oracle.sample(columns, 2);
        const bias = withBias ? oracle.sample(columns, 3) : undefined;
        const out = kernels.floats(sums.length);
        kernels.dequantize(out, sums, { row, column, bias }, columns);
        const expected = Array.from(sums, (value, i) => {
          const [r, c] = [Math.floor(i / columns), i % columns];
          const scale = fround(
            (typeof row === 'number' ? row : row[r]) * (typeof column === 'number' ? column : column[c]),
          );
          const product = fround(fround(value) * scale);
          return bias ? fround(product + bias[c]) : product;
        });
        expect(Array.from(out)).toEqual(expected);
        kernels.release(mark);
      },
    ),
    { numRuns: 200 },
  );
});
