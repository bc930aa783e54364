import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { FORMATS, type RegisteredFormat, type TensorFormat } from './index.ts';
import { groupCount, groupOf } from './tensor-format.ts';

/*
 * What holds for every format: the fast path, the oracle and the packed bits are one thing. What a format's codes are
 * is tested beside it.
 */

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

/** The format with each of its settings' values, one at a time, and each granularity. */
function variants(definition: RegisteredFormat): TensorFormat[] {
  const defaults: Record<string, number | string> = {};
  for (const [key, spec] of Object.entries(definition.settings))
    if (spec.default !== undefined) defaults[key] = spec.default;
  const settings: Record<string, number | string>[] = [defaults];
  for (const [key, spec] of Object.entries(definition.settings)) {
    if (spec.kind === 'choice') settings.push(...spec.values.map((value) => ({ ...defaults, [key]: value })));
    else if (spec.kind === 'integer' && spec.max - spec.min < 20)
      for (let value = spec.min; value <= spec.max; value++) settings.push({ ...defaults, [key]: value });
  }
  const granularities = definition.granularities.map((kind) => (kind === 'group' ? { group: 6 } : kind));
  return [
    ...settings.map((chosen) => definition.create(chosen, definition.defaultGranularity)),
    ...granularities.map((granularity) => definition.create(defaults, granularity)),
  ];
}

/** Values as tensors have them: many of ordinary size, outliers, zeros, of any scale. */
const matrices = fc
  .record({
    rows: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 70 }),
    exponent: fc.integer({ min: -12, max: 6 }),
    seed: fc.array(
      fc.oneof(
        { weight: 12, arbitrary: fc.double({ min: -1, max: 1, noNaN: true }) },
        { weight: 1, arbitrary: fc.double({ min: -60, max: 60, noNaN: true }) },
        { weight: 2, arbitrary: fc.constantFrom(0, -0, 1, -1, 0.5, 0.25) },
      ),
      { minLength: 1, maxLength: 350 },
    ),
  })
  .map(({ rows, columns, exponent, seed }) => ({
    columns,
    x: Float32Array.from({ length: rows * columns }, (_, i) => seed[i % seed.length]! * 2 ** exponent),
  }));

const describeSettings = (format: TensorFormat) =>
  `${format.name} ${JSON.stringify(format.settings)} ${JSON.stringify(format.granularity)}`;

/** What is wrong with a format on a matrix, or nothing. */
function difference(format: TensorFormat, x: Float32Array, columns: number): string | undefined {
  const mark = kernels.mark();
  try {
    const fit = format.fit(kernels, kernels.load(x), columns);
    const scaled = format.granularity !== 'tensor' || fit.scales.length > 0;
    if (scaled && fit.scales.length !== groupCount(format.granularity, x.length, columns))
      return `${fit.scales.length} scales`;
    const elements = kernels.load(x);
    format.round(kernels, elements, columns, fit, 'elements');
    const values = kernels.load(x);
    format.round(kernels, values, columns, fit, 'values');

    const codes = format.encode(x, columns, fit);
    const decoded = format.decode(codes, columns, fit);
    for (const [i, element] of decoded.entries()) {
      const scale = scaled ? fit.scales[groupOf(format.granularity, i, columns)]! : 1;
      if (!Object.is(element, elements[i]))
        return `element ${i}: ${x[i]} -> ${elements[i]}, oracle ${element}`;
      const value = Math.fround(element * scale);
      if (!Object.is(value, values[i])) return `value ${i}: ${x[i]} -> ${values[i]}, oracle ${value}`;
    }
    const packed = format.pack(codes, columns, fit);
    const bytes = Object.values(packed.sections).reduce((sum, section) => sum + section.length, 0);
    if (packed.bits > bytes * 8) return `${packed.bits} bits in ${bytes} bytes`;
    const unpacked = format.unpack(packed, x.length / columns, columns);
    if (unpacked.codes.join() !== codes.join()) return 'codes differ after packing';
    const again = format.decode(unpacked.codes, columns, unpacked.fit);
    if (again.some((element, i) => !Object.is(element, decoded[i]))) return 'elements differ after packing';
    if (unpacked.fit.scales.join() !== fit.scales.join()) return 'scales differ after packing';
    return undefined;
  } finally {
    kernels.release(mark);
  }
}

describe.each(Object.values(FORMATS))('$name', (definition) => {
  it('fast path, oracle and packed bits agree', () => {
    const formats = variants(definition);
    fc.assert(
      fc.property(matrices, ({ x, columns }) => {
        for (const format of formats) {
          const found = difference(format, x, columns);
          if (found) throw new Error(`${describeSettings(format)}, ${columns} columns: ${found}`);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('knows how wide its codes are', () => {
    const x = Float32Array.from({ length: 24 }, (_, i) => (i - 11.5) / 11.5);
    const mark = kernels.mark();
    for (const format of variants(definition)) {
      const codes = format.encode(x, 24, format.fit(kernels, kernels.load(x), 24));
      const width = format.codeBits ?? Number.parseInt(definition.table.bits, 10);
      // Signs and the largest values set the top bit.
      expect(Math.max(...codes).toString(2), describeSettings(format)).toHaveLength(width);
    }
    kernels.release(mark);
  });

  it('takes zeros', () => {
    for (const format of variants(definition)) {
      const found = difference(format, new Float32Array(24), 12);
      expect(found && `${describeSettings(format)}: ${found}`).toBeUndefined();
    }
  });
});
