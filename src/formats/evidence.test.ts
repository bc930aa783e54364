import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { gpt2Projections, type OptActivations, optActivations } from '../../test/real-tensors.ts';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { createFormat, fakeQuantize } from './index.ts';

/*
 * OliVe on real numbers: what OliVe, ISCA 2023, is for. The tables of all formats are made by bench/format-error.ts.
 */

let kernels: Kernels;
let mark: number;
beforeAll(async () => {
  kernels = await createKernels();
});
beforeEach(() => {
  mark = kernels.mark();
});
afterEach(() => kernels.release(mark));

function snrDb(format: string, granularity: string, x: Float32Array, columns: number): number {
  const out = new Float32Array(x.length);
  fakeQuantize(kernels, createFormat(format, {}, granularity), x, columns, out);
  let [signal, noise] = [0, 0];
  for (const [i, value] of x.entries()) {
    signal += value ** 2;
    noise += (value - out[i]!) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}

const projections = await gpt2Projections();

describe.skipIf(!projections)('the attention output projections of GPT-2 117M, a scale a row', () => {
  it('are rows of outputs: the checkpoint has [inputs, outputs]', () => {
    const { data, columns } = projections![0]!;
    expect(data).toHaveLength(768 * 768);
    expect([data[1], data[columns]]).toEqual([-0.2441914, -0.18741347].map(Math.fround));
  });

  it.each(projections ?? [])('$name: OliVe-4 loses less than int4', ({ data, columns }) => {
    const int4 = snrDb('int4', 'channel', data, columns);
    for (const name of ['olive4', 'olive-int4', 'olive-flint4']) {
      const olive = snrDb(name, 'channel', data, columns);
      expect(olive, name).toBeGreaterThan(int4);
      // The best 16 levels for normal values (Max, IRE Transactions on Information Theory, 1960); tails make it worse.
      expect(olive, name).toBeLessThan(20.22);
    }
  });
});

const activations: OptActivations[] = [];
for await (const matrix of optActivations([0, 12], 64)) activations.push(matrix);
/** With channels of ten times the ordinary ones: what OliVe is made for. */
const outlying = activations.filter(({ largest }) => {
  const sorted = largest.toSorted();
  return sorted.at(-1)! > 10 * sorted[sorted.length >> 1]!;
});

describe.skipIf(activations.length === 0)(
  'activations of the real maxima of OPT-1.3B, a scale a tensor',
  () => {
    it('has layers with outliers', () => {
      expect(outlying.length).toBe(5);
    });

    it.each(activations)('$name: OliVe-4 loses less than int4', ({ data, columns }) => {
      expect(snrDb('olive4', 'tensor', data, columns)).toBeGreaterThan(
        snrDb('int4', 'tensor', data, columns) + 2,
      );
    });

    it.each(outlying)('$name, with outliers: OliVe-4 loses less than ANT-4', ({ data, columns }) => {
      expect(snrDb('olive4', 'tensor', data, columns)).toBeGreaterThan(
        snrDb('ant', 'tensor', data, columns) + 1,
      );
    });

    it.each(outlying)('$name, with outliers: OliVe-8 loses less than int8', ({ data, columns }) => {
      expect(snrDb('olive-int8', 'tensor', data, columns)).toBeGreaterThan(
        snrDb('int8', 'tensor', data, columns) + 1,
      );
    });

    it.each(activations)('$name: MXFP4 loses less than int4', ({ data, columns }) => {
      expect(snrDb('mxfp4', 'group:32', data, columns)).toBeGreaterThan(
        snrDb('int4', 'tensor', data, columns),
      );
    });

    it.each(activations)('$name has the measured maxima', ({ data, columns, largest }) => {
      const found = new Float32Array(columns);
      for (const [i, value] of data.entries())
        found[i % columns] = Math.max(found[i % columns]!, Math.abs(value));
      for (const [i, value] of largest.entries())
        if (found[i] !== value) expect(found[i]! / value, `channel ${i}`).toBeCloseTo(1, 6);
    });
  },
);
