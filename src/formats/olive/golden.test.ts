import { beforeAll, describe, expect, it } from 'vitest';
import { readGolden } from '../../../test/golden.ts';
import { createKernels, type Kernels } from '../../kernels/index.ts';
import { createFormat } from '../index.ts';
import { VARIANTS } from './coding.ts';

/*
 * Against an independent numpy port of the paper and of the public code's grid and search: test/golden/olive, made by
 * tools/golden/olive.py.
 */

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

describe.each(['int4', 'flint4', 'int8'])('olive-%s', (type) => {
  it.each(VARIANTS)('%s: scales, elements and edges as in numpy', async (variant) => {
    const golden = await readGolden(`olive/${type}-${variant}.safetensors`);
    const { data: x, shape } = golden.values!;
    const columns = shape[1]!;
    for (const granularity of ['channel', 'tensor']) {
      const format = createFormat(`olive-${type}`, { variant }, granularity);
      const fit = format.fit(kernels, kernels.load(x), columns);
      const expected = granularity === 'tensor' ? 'tensor' : 'row';
      const scales = golden[granularity === 'tensor' ? 'tensor.scale' : 'row.scales']!.data;
      expect([...fit.scales]).toEqual([...scales]);
      const elements = [...golden[`${expected}.elements`]!.data];
      const rounded = kernels.load(x);
      format.round(kernels, rounded, columns, fit, 'elements');
      expect([...rounded]).toEqual(elements);
      expect([...format.decode(format.encode(x, columns, fit), columns, fit)]).toEqual(elements);
    }
  });

  it.each(VARIANTS)('%s: ties, cuts and their neighbours as in numpy', async (variant) => {
    const golden = await readGolden(`olive/${type}-${variant}.safetensors`);
    const x = golden.edges!.data;
    const expected = golden['edges.elements']!.data;
    const format = createFormat(`olive-${type}`, { variant, scale: 1 }, 'tensor');
    const fit = format.fit(kernels, kernels.load(x), x.length);
    const rounded = kernels.load(x);
    format.round(kernels, rounded, x.length, fit, 'elements');
    const decoded = format.decode(format.encode(x, x.length, fit), x.length, fit);
    const wrong = [...x.entries()].flatMap(([i, value]) =>
      rounded[i] === expected[i] && decoded[i] === expected[i]
        ? []
        : [`${value} beside ${x[i ^ 1]}: ${rounded[i]}, ${decoded[i]}, expected ${expected[i]}`],
    );
    expect(wrong).toEqual([]);
    expect(x.length).toBeGreaterThan(500);
  });
});
