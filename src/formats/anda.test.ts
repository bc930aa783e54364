import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKernels } from '../kernels/index.ts';
import { readAndaGroup } from './anda.ts';
import { compressAndaGroup } from './anda-compressor.ts';
import { createFormat, findFormat } from './index.ts';
import type { Fit, TensorFormat } from './tensor-format.ts';

const kernels = await createKernels();
const MANTISSAS = Array.from({ length: 16 }, (_, i) => i + 1);
const { decode: fromHalf } = findFormat('float16').float!;
/** Every finite float16, negative ones too. */
const HALVES = Float32Array.from({ length: 2 * 0x7c00 }, (_, i) =>
  fromHalf(i < 0x7c00 ? i : i - 0x7c00 + 0x8000),
);

const run = (format: TensorFormat, x: Float32Array, columns: number, given?: Fit) => {
  const mark = kernels.mark();
  const values = kernels.load(x);
  const fit = given ?? format.fit(kernels, values, columns);
  format.round(kernels, values, columns, fit, 'elements');
  const elements = Float32Array.from(values);
  values.set(x);
  format.round(kernels, values, columns, fit, 'values');
  const carried = Float32Array.from(values);
  kernels.release(mark);
  return { fit, elements, carried };
};

/** The first element that the oracle has otherwise; -0 is not 0. */
function firstDifference(format: TensorFormat, x: Float32Array, columns: number, fit: Fit) {
  const oracle = format.decode(format.encode(x, columns, fit), columns, fit);
  const { elements } = run(format, x, columns, fit);
  const at = elements.findIndex((element, i) => !Object.is(element, oracle[i]));
  return at < 0 ? 'none' : `${x[at]}: ${elements[at]}, oracle ${oracle[at]}`;
}

/** Groups over the whole range of float16 and beyond both of its ends. */
const groups = fc.array(
  fc
    .record({
      value: fc.double({ min: -1, max: 1, noNaN: true }),
      exponent: fc.integer({ min: -26, max: 17 }),
      near: fc.boolean(),
    })
    .map(({ value, exponent, near }) => Math.fround(value * 2 ** (near ? exponent / 8 : exponent))),
  { minLength: 1, maxLength: 64 },
);

describe('by hand', () => {
  it('shares the exponent of the largest and cuts the others towards 0', () => {
    // 1.75 = 1.11b at 2^0; 0.6875 = 0.1011b; -0.40625 = 0.01101b: with M = 4 the step is 2^-3.
    const x = Float32Array.of(1.75, 0.6875, -0.40625, -0.0625, 0);
    const { fit, elements, carried } = run(createFormat('anda', { mantissa: 4 }), x, 5);
    expect([...fit.scales]).toEqual([0.125]);
    expect([...elements]).toEqual([14, 5, -3, -0, 0]);
    expect([...carried]).toEqual([1.75, 0.625, -0.375, -0, 0]);
  });

  it('rounds to float16 before it looks for the exponent', () => {
    // 2 - 2^-12 is 2 in float16: exponent 1.
    const x = Float32Array.of(2 - 2 ** -12, 1);
    expect([...run(createFormat('anda', { mantissa: 8 }), x, 2).carried]).toEqual([2, 1]);
    // The double rounding is the format's: to float16 up, then cut.
    const [value] = run(createFormat('anda', { mantissa: 3 }), Float32Array.of(1.75 - 2 ** -13), 1).carried;
    expect(value).toBe(1.75);
  });

  it('saturates at 65504, keeps subnormals, and starts exponents at 1', () => {
    const anda = createFormat('anda', { mantissa: 11 });
    expect([...run(anda, Float32Array.of(1e30, -65519, 3e38, -65600), 4).carried]).toEqual([
      65504, -65504, 65504, -65504,
    ]);
    const small = Float32Array.of(2 ** -24, -3 * 2 ** -24, 2 ** -14 - 2 ** -24, 2 ** -25, 1.5 * 2 ** -25);
    const { fit, carried } = run(anda, small, 5);
    expect(fit.scales[0]).toBe(2 ** -24);
    expect([...carried]).toEqual([2 ** -24, -3 * 2 ** -24, 2 ** -14 - 2 ** -24, 0, 2 ** -24]);
    expect(run(anda, new Float32Array(3), 3).fit.scales[0]).toBe(2 ** -24);
  });

  it('has guard bits beyond M = 11: elements 5 binades down are exact at M = 16', () => {
    const small = (1 + 2 ** -10) * 2 ** -5;
    const x = Float32Array.of(1, small);
    expect([...run(createFormat('anda', { mantissa: 16 }), x, 2).carried]).toEqual([1, small]);
    expect(run(createFormat('anda', { mantissa: 15 }), x, 2).carried[1]).toBe(2 ** -5);
  });
});

describe.each(MANTISSAS)('M = %i', (mantissa) => {
  const anda = createFormat('anda', { mantissa });

  it('codes every float16 in every group as the oracle, with any shared exponent', () => {
    for (let exponent = 1; exponent <= 30; exponent += mantissa % 3 === 0 ? 1 : 7) {
      const scale = 2 ** (exponent - 15 - (mantissa - 1));
      const fit = { scales: new Float32Array(HALVES.length / 64).fill(scale) };
      expect(firstDifference(anda, HALVES, HALVES.length, fit)).toBe('none');
    }
  });

  it('writes and reads every code', () => {
    const codes = Uint32Array.from({ length: 2 ** (mantissa + 1) }, (_, i) => i);
    const scales = new Float32Array(Math.ceil(codes.length / 64)).fill(1);
    const fit = { scales };
    const elements = anda.decode(codes, codes.length, fit);
    expect(elements.at(-1)).toBe(-anda.largestInteger!);
    expect(anda.unpack(anda.pack(codes, codes.length, fit), 1, codes.length).codes).toEqual(codes);
    // Integers of 11 bits are float16 values: these come back as the same code, -0 too.
    if (mantissa <= 11) expect(anda.encode(elements, codes.length, fit)).toEqual(codes);
  });

  it('gives the bits of the bit-plane compressor', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const x = Float32Array.from(group);
        const { fit } = run(anda, x, x.length);
        const packed = anda.pack(anda.encode(x, x.length, fit), x.length, fit);
        const bits = compressAndaGroup(x, mantissa);
        expect(readAndaGroup(packed, 0, anda)).toEqual(bits);
        expect(packed.sections.planes!.length).toBe(8 * (1 + mantissa));
        expect(packed.bits).toBe(x.length * (1 + mantissa) + 5);
        expect(firstDifference(anda, x, x.length, fit)).toBe('none');
      }),
      { numRuns: 200 },
    );
  });

  it('loses less than a step of the group, towards 0', () => {
    fc.assert(
      fc.property(groups, (group) => {
        const x = Float32Array.from(group);
        const { fit, carried } = run(anda, x, x.length);
        const mark = kernels.mark();
        const rounded = kernels.load(x);
        kernels.roundFloat16(rounded);
        for (const [i, exact] of rounded.entries()) {
          const magnitude = Math.min(Math.abs(exact), 65504);
          const lost = magnitude - Math.abs(carried[i]!);
          expect(lost).toBeGreaterThanOrEqual(0);
          expect(lost).toBeLessThan(fit.scales[0]!);
        }
        kernels.release(mark);
      }),
      { numRuns: 60 },
    );
  });
});

it('has planes in words of 64 bits a group, tails filled with zeros', () => {
  const anda = createFormat('anda', { mantissa: 2 }, 'group:64');
  const x = Float32Array.from({ length: 2 * 70 }, (_, i) => (i % 70 === 69 ? -1 : 1));
  const { fit } = run(anda, x, 70);
  const packed = anda.pack(anda.encode(x, 70, fit), 70, fit);
  expect(packed.sections.planes!.length).toBe(4 * 3 * 8);
  expect(packed.bits).toBe(140 * 3 + 4 * 5);
  expect(readAndaGroup(packed, 1, anda)).toEqual({ exponent: 15, signs: 0x20n, planes: [0x3fn, 0n] });
  expect(readAndaGroup(packed, 2, anda)).toEqual({ exponent: 15, signs: 0n, planes: [2n ** 64n - 1n, 0n] });
  // A group of more than 64 has words of two.
  const wide = createFormat('anda', { mantissa: 1 }, 'group:70');
  const wideFit = run(wide, x, 70).fit;
  const group = readAndaGroup(wide.pack(wide.encode(x, 70, wideFit), 70, wideFit), 1, wide);
  expect(group).toEqual({ exponent: 15, signs: 1n << 69n, planes: [2n ** 70n - 1n] });
});

it('reads what only a bit flip makes', () => {
  const anda = createFormat('anda', { mantissa: 7 });
  const sections = {
    planes: new Uint8Array(64).fill(255),
    exponents: Uint8Array.of(0),
  };
  const zero = anda.unpack({ sections, bits: 0 }, 1, 2);
  expect(zero.fit.scales[0]).toBe(2 ** (1 - 15 - 6));
  expect([...anda.decode(zero.codes, 2, zero.fit)]).toEqual([-127, -127]);
  const top = anda.unpack({ sections: { ...sections, exponents: Uint8Array.of(31) }, bits: 0 }, 1, 2);
  expect(top.fit.scales[0]).toBe(2 ** (31 - 15 - 6));
});
