import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKernels } from '../kernels/index.ts';
import { createFormat, type Fit, type TensorFormat } from './index.ts';

const kernels = await createKernels();

function run(format: TensorFormat, x: Float32Array, columns: number, given?: Fit) {
  const mark = kernels.mark();
  const values = kernels.load(x);
  const fit = given ?? format.fit(kernels, values, columns);
  format.round(kernels, values, columns, fit, 'elements');
  const elements = Array.from(values);
  kernels.release(mark);
  expect([...format.decode(format.encode(x, columns, fit), columns, fit)]).toEqual(elements);
  return { fit, elements };
}

describe('MSFP12 by hand', () => {
  const msfp = createFormat('msfp');

  it('has 3 bits of mantissa without hidden bit, to nearest even', () => {
    // The exponent of 1.75 is 0: steps of 1/4, ties at odd eighths.
    const x = Float32Array.of(1.75, 1.625, 1.375, -0.375, 0.125, -0.125, 0.1251, -0);
    const { fit, elements } = run(msfp, x, 8);
    expect([...fit.scales]).toEqual([0.25]);
    expect(elements).toEqual([7, 6, 6, -2, 0, -0, 1, -0]);
  });

  it('keeps the exponent where a mantissa rounds up past 7', () => {
    expect(run(msfp, Float32Array.of(1.99, 1.9, -1.876), 3)).toEqual({
      fit: { scales: Float32Array.of(0.25) },
      elements: [7, 7, -7],
    });
  });

  it('truncates where it is told to', () => {
    const x = Float32Array.of(1.99, 1.74, -0.49, -0.2);
    expect(run(createFormat('msfp', { rounding: 'truncate' }), x, 4).elements).toEqual([7, 6, -1, -0]);
  });

  it('takes 4.5 bits a value in boxes of 16', () => {
    const x = new Float32Array(64).fill(3);
    const { fit } = run(msfp, x, 32);
    expect(msfp.pack(msfp.encode(x, 32, fit), 32, fit).bits / 64).toBe(4.5);
  });
});

describe.each([12, 13, 14, 15, 16])('MSFP%i', (bits) => {
  const msfp = createFormat('msfp', { bits });
  const mantissa = bits - 9;
  const codes = Uint32Array.from({ length: 2 ** (mantissa + 1) }, (_, i) => i);

  it('writes and reads every code at every exponent', () => {
    for (let exponent = 1; exponent < 255; exponent++) {
      const scales = new Float32Array(codes.length / 16).fill(2 ** (exponent - 127 - (mantissa - 1)));
      const fit = { scales };
      const packed = msfp.pack(codes, codes.length, fit);
      expect([...packed.sections.exponents!]).toEqual(Array.from(scales, () => exponent));
      const read = msfp.unpack(packed, 1, codes.length);
      expect(read).toEqual({ codes, fit });
      const values = msfp.decode(codes, codes.length, fit).map((element) => element * scales[0]!);
      expect(msfp.encode(values, codes.length, fit)).toEqual(codes);
      expect(run(msfp, values, codes.length, fit).elements).toEqual([
        ...msfp.decode(codes, codes.length, fit),
      ]);
    }
  });

  it('rounds every middle between two codes, and its neighbours, as the oracle', () => {
    const values: number[] = [];
    for (let m = 0; m < 2 ** mantissa + 2; m++) {
      for (const middle of [m + 0.5, m + 0.5 - 2 ** -16, m + 0.5 + 2 ** -16]) values.push(middle, -middle);
    }
    const fit = { scales: new Float32Array(Math.ceil(values.length / 16)).fill(1) };
    const { elements } = run(msfp, Float32Array.from(values), values.length, fit);
    const end = msfp.largestInteger!;
    expect(elements.slice(0, 12)).toEqual([0, -0, 0, -0, 1, -1, 2, -2, 1, -1, 2, -2]);
    expect(elements.slice(-2)).toEqual([end, -end]);
  });

  it('takes any float32, subnormals too', () => {
    const words = fc.array(
      fc.integer({ min: 0, max: 0xffffffff }).filter((word) => (word & 0x7f800000) !== 0x7f800000),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(words, fc.boolean(), (patterns, subnormal) => {
        const mask = subnormal ? 0x80ffffff : 0xffffffff;
        const x = new Float32Array(Uint32Array.from(patterns, (word) => word & mask).buffer);
        const { fit, elements } = run(msfp, x, x.length);
        for (const [i, value] of x.entries()) {
          const scale = fit.scales[Math.floor(i / 16)]!;
          expect(Math.abs(value - elements[i]! * scale)).toBeLessThanOrEqual(scale);
        }
      }),
      { numRuns: 300 },
    );
  });
});
