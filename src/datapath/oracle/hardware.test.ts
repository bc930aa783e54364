import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAndaGroup } from '../../formats/anda.ts';
import { createFormat, type Fit, type TensorFormat } from '../../formats/index.ts';
import { decodePair, type ExponentInteger, oliveCoding, type PairType } from '../../formats/olive/index.ts';
import { createGemm, createKernels } from '../../kernels/index.ts';
import { createDatapath } from '../machine-datapath.ts';
import { type Encoding, REFERENCE_PLAN, type ScaledArithmetic } from '../plan.ts';
import { apuDot } from './apu.ts';
import { dotProduct } from './olive-pe.ts';

/* The engine against the processing elements, which read packed bits: from the tensor to the output of a site. */

const kernels = await createKernels();
const gemm = await createGemm(kernels, { backend: 'auto', threads: 1 });
const site = { name: 'fc1', layer: 0 } as const;
const { fround } = Math;

type Operand = [format: string, granularity: string | undefined, settings: Record<string, number | string>];

const encodingOf = ([format, granularity, settings]: Operand): Encoding => ({
  format,
  granularity,
  settings: createFormat(format, settings, granularity).settings,
});

interface Shape {
  rows: number;
  outputs: number;
  inputs: number;
}

/** Outputs [rows, outputs], and the sums that overflowed. */
async function project(
  weights: Operand,
  activations: Operand,
  w: Float32Array,
  x: Float32Array,
  shape: Shape,
) {
  const { rows, outputs, inputs } = shape;
  const arithmetic: ScaledArithmetic = {
    kind: 'scaled',
    weights: { ...encodingOf(weights), algorithm: 'rtn' },
    activations: { ...encodingOf(activations), scale: 'dynamic' },
    requantize: false,
    hadamard: false,
  };
  const datapath = createDatapath(kernels, gemm, { sites: { ...REFERENCE_PLAN.sites, fc1: arithmetic } });
  const mark = kernels.mark();
  const [weight] = await datapath.prepare([{ site, weight: { data: w, outputs, inputs } }]);
  const output = { data: kernels.floats(rows * outputs), rows, columns: outputs };
  await datapath.project({ data: kernels.load(x), rows, columns: inputs }, [
    { site, weight: weight!, output },
  ]);
  const found = [...output.data];
  kernels.release(mark);
  return { found, overflows: datapath.overflows };
}

/** A matrix in the bits of a format. */
function packed(format: TensorFormat, x: Float32Array, columns: number) {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  kernels.release(mark);
  return { bits: format.pack(format.encode(x, columns, fit), columns, fit), fit };
}

describe.each<[string, PairType, string, PairType]>([
  ['olive-int8', 'int8', 'olive-int8', 'int8'],
  ['olive-flint4', 'flint4', 'olive-int4', 'int4'],
  ['olive-int8', 'int8', 'olive-flint4', 'flint4'],
])("OliVe's PEs on %s and %s x %s", (weightName, weightType, inputName, inputType) => {
  const operand = (name: string, type: PairType, granularity: string): [Operand, PairType] => [
    // A scale of 1 leaves the sums to be seen.
    [name, granularity, { scale: 1 }],
    type,
  ];
  const [weights, wType] = operand(weightName, weightType, 'channel');
  const [activations, xType] = operand(inputName, inputType, 'tensor');

  /** What the decoders hand to the PEs, a row after the other. */
  function decoded([name, granularity, settings]: Operand, type: PairType, x: Float32Array, columns: number) {
    const format = createFormat(name, settings, granularity);
    const { codes } = format.unpack(packed(format, x, columns).bits, x.length / columns, columns);
    const coding = oliveCoding(type, 'paper');
    return Array.from({ length: x.length / columns }, (_, r) => {
      const row: ExponentInteger[] = [];
      for (let i = 0; i < columns; i += 2)
        row.push(...decodePair(coding, codes[r * columns + i]!, codes[r * columns + i + 1] ?? 0));
      return row.slice(0, columns);
    });
  }

  async function check(w: Float32Array, x: Float32Array, shape: Shape): Promise<number> {
    const { found, overflows } = await project(weights, activations, w, x, shape);
    const [ws, xs] = [decoded(weights, wType, w, shape.inputs), decoded(activations, xType, x, shape.inputs)];
    let wrapped = 0;
    const expected = xs.flatMap((row) =>
      ws.map((column) => {
        const { sum, overflows: left } = dotProduct(row, column);
        const exact = row.reduce(
          (total, a, i) =>
            total + a.integer * 2 ** a.exponent * (column[i]!.integer * 2 ** column[i]!.exponent),
          0,
        );
        // A sum that leaves int32 and comes back is right in the end: the engine counts those that are not.
        if (exact !== sum) {
          wrapped++;
          expect(left).toBeGreaterThan(0);
        }
        return fround(sum);
      }),
    );
    expect(found).toEqual(expected.map((value) => value + 0));
    expect(overflows).toBe(wrapped);
    return wrapped;
  }

  const value = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -130, max: 130 }) },
    { weight: 2, arbitrary: fc.integer({ min: -400, max: 400 }) },
    { weight: 1, arbitrary: fc.integer({ min: -40000, max: 40000 }) },
  );
  const cases = fc
    .record({
      rows: fc.integer({ min: 1, max: 4 }),
      outputs: fc.integer({ min: 1, max: 6 }),
      inputs: fc.integer({ min: 1, max: 40 }).map((half) => 2 * half),
    })
    .chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.array(value, { minLength: shape.outputs * shape.inputs, maxLength: shape.outputs * shape.inputs }),
        fc.array(value, { minLength: shape.rows * shape.inputs, maxLength: shape.rows * shape.inputs }),
      ),
    );

  it('sums are theirs', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([shape, w, x]) => {
        await check(Float32Array.from(w), Float32Array.from(x), shape);
      }),
      { numRuns: 60 },
    );
  });

  if (weightType === 'int8' && inputType === 'int8') {
    it('wrap around where they overflow, and are counted', async () => {
      // Pairs of an outlier and its victim, at the clip: each product is 2^30 or -2^30.
      const shape = { rows: 2, outputs: 3, inputs: 8 };
      const row = (...signs: number[]) => signs.flatMap((sign) => [sign * 40000, 1]);
      const w = Float32Array.from([...row(1, 1, 1, 1), ...row(1, -1, 1, -1), ...row(-1, -1, 0, 0)]);
      const x = Float32Array.from([...row(1, 1, 1, 1), ...row(1, 1, 1, -1)]);
      // 2^32 wraps to 0, 2^31 to -2^31; -2^31 and what comes back into int32 does not overflow.
      const { found } = await project(weights, activations, w, x, shape);
      expect(found).toEqual([0, 0, -(2 ** 31), -(2 ** 31), -(2 ** 31), -(2 ** 31)]);
      expect(await check(w, x, shape)).toBe(3);
    });
  }
});

it("Anda's APU gives the sums of groups that the engine scales and adds", async () => {
  const cases = fc.record({
    mantissa: fc.integer({ min: 1, max: 16 }),
    rows: fc.integer({ min: 1, max: 3 }),
    outputs: fc.integer({ min: 1, max: 5 }),
    inputs: fc.integer({ min: 1, max: 300 }),
    values: fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.double({ min: -4, max: 4, noNaN: true }) },
        { weight: 1, arbitrary: fc.double({ min: -70000, max: 70000, noNaN: true }) },
        { weight: 1, arbitrary: fc.constantFrom(0, -0, 2 ** -24, -(2 ** -15)) },
      ),
      { minLength: 1, maxLength: 400 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ mantissa, values, ...shape }) => {
      const { rows, outputs, inputs } = shape;
      const x = Float32Array.from({ length: rows * inputs }, (_, i) => values[i % values.length]!);
      const w = Float32Array.from(
        { length: outputs * inputs },
        (_, i) => Math.sin(i * 7.13 + 1) * (1 + (i % 5)),
      );
      const weights: Operand = ['int4', 'group:128', {}];
      const activations: Operand = ['anda', undefined, { mantissa }];
      const { found } = await project(weights, activations, w, x, shape);

      const [wf, xf] = [createFormat('int4', {}, 'group:128'), createFormat('anda', { mantissa })];
      const { codes, fit }: { codes: Uint32Array; fit: Fit } = wf.unpack(
        packed(wf, w, inputs).bits,
        outputs,
        inputs,
      );
      const integers = wf.decode(codes, inputs, fit);
      const { bits } = packed(xf, x, inputs);
      const groups = Math.ceil(inputs / 64);
      const expected: number[] = [];
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < outputs; c++) {
          let sum = 0;
          for (let g = 0; g < groups; g++) {
            const part = integers.subarray(c * inputs + g * 64, c * inputs + Math.min(inputs, (g + 1) * 64));
            const { accumulator, scale } = apuDot(readAndaGroup(bits, r * groups + g, xf), [...part]);
            // Two groups of activations share a scale of the weights.
            const other = fit.scales[c * Math.ceil(inputs / 128) + (g >> 1)]!;
            sum = fround(sum + fround(fround(accumulator) * fround(scale * other)));
          }
          expected.push(sum);
        }
      }
      expect(found).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});
