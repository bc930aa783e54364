import { beforeAll, describe, expect, it } from 'vitest';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { clusterSorted, gridOf } from './centroids.ts';
import { CLIP_FACTORS } from './clip.ts';
import { floorLog2, nextUp } from './float32-steps.ts';
import { createFormat, type TensorFormat } from './index.ts';
import { codeTable, decodeNumber, encodeNumber, NUMBER_TYPES } from './number-types.ts';
import { countBelow, largestWithout } from './sorted.ts';
import type { Fit } from './tensor-format.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const floats = (...values: number[]) => new Float32Array(values);
const down = (value: number) => -nextUp(-value);

function fitOf<F extends Fit>(format: TensorFormat<F>, x: Float32Array, columns = x.length): F {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  kernels.release(mark);
  return fit;
}

function rounded(format: TensorFormat, x: Float32Array, fit: Fit, columns = x.length): number[] {
  const mark = kernels.mark();
  const elements = kernels.load(x);
  format.round(kernels, elements, columns, fit, 'elements');
  const result = [...elements];
  kernels.release(mark);
  return result;
}

/** Every element of a format with a scale of 1, every middle between two, and the floats beside them. */
function aroundElements(elements: readonly number[]): Float32Array {
  const sorted = [...new Set(elements)].sort((a, b) => a - b);
  const points = sorted.flatMap((value, i) => [value, (value + (sorted[i + 1] ?? value)) / 2]);
  return floats(...points.flatMap((value) => [down(value), value, nextUp(value)]));
}

describe('number types', () => {
  it('flint4 and pot4: the published codes', () => {
    const magnitudes = (name: string) => {
      const format = createFormat(name, { scale: 1 }, 'tensor');
      const codes = Uint32Array.from({ length: 16 }, (_, code) => code);
      return [...format.decode(codes, 16, fitOf(format, floats(1)))];
    };
    // 000 001 010 011 100 101 110 111 (OliVe's table of flint4, ISCA 2023), then the same with a sign; 1000 is -0.
    const flint = [0, 1, 2, 3, 16, 8, 4, 6];
    expect(magnitudes('flint4')).toEqual([...flint, 0, ...flint.slice(1).map((value) => -value)]);
    const pot = [0, 1, 2, 4, 8, 16, 32, 64];
    expect(magnitudes('pot4')).toEqual([...pot, 0, ...pot.slice(1).map((value) => -value)]);
  });

  it('every type at every width: each code stands for itself', () => {
    for (let bits = 3; bits <= 8; bits++) {
      for (const type of NUMBER_TYPES) {
        for (const exponent of [1, 2, 3, 4]) {
          const table = codeTable(type, bits, exponent);
          for (let code = 0; code < 2 ** bits; code++) {
            const value = decodeNumber(table, code);
            const minusZero = code === 2 ** (bits - 1);
            expect(encodeNumber(table, value)).toBe(minusZero ? 0 : code);
          }
        }
      }
    }
  });

  it('rounds every element, every middle and their neighbours as the oracle, at every width', () => {
    for (let bits = 3; bits <= 8; bits++) {
      for (const type of NUMBER_TYPES) {
        const format = createFormat('ant', { bits, type, scale: 1 }, 'tensor');
        const fit = fitOf(format, floats(1));
        const codes = Uint32Array.from({ length: 2 ** bits }, (_, code) => code);
        const x = aroundElements([...format.decode(codes, codes.length, fit)]);
        const oracle = format.decode(format.encode(x, x.length, fit), x.length, fit);
        expect(rounded(format, x, fit)).toEqual([...oracle]);
        expect(new Set(oracle).size).toBe(2 ** bits - 1);
      }
    }
  });

  it('gives ties to the larger magnitude', () => {
    const flint4 = createFormat('flint4', { scale: 1 }, 'tensor');
    const x = floats(0.5, 1.5, 2.5, 3.5, 5, 7, 12, -12, -0.5, down(12), -0, 99);
    expect(rounded(flint4, x, fitOf(flint4, x))).toEqual([1, 2, 3, 4, 6, 8, 16, -16, -1, 8, 0, 16]);
  });

  it('the 4-bit float of the public code has the values of pot, E2M1 its own', () => {
    expect(codeTable('float', 4).grid).toEqual(codeTable('pot', 4).grid);
    expect([...codeTable('float', 4, 2).grid.entries]).toEqual([0, 1, 2, 3, 4, 6, 8, 12]);
  });

  it('ant takes int above 6 bits, and a part takes the type of the whole', () => {
    const x = Float32Array.from({ length: 64 }, (_, i) => 2 ** (i % 7) * (i % 3 ? 1 : -1));
    expect(fitOf(createFormat('ant', { bits: 7 }), x)).toMatchObject({ type: 'int' });
    const ant = createFormat('ant');
    const whole = fitOf(ant, x);
    expect(whole).toMatchObject({ type: 'pot' });
    const even = kernels.load(Float32Array.from({ length: 64 }, (_, i) => i - 32));
    expect(ant.fit(kernels, even, 64)).toMatchObject({ type: 'int' });
    expect(ant.fit(kernels, even, 64, whole)).toMatchObject({ type: 'pot' });
  });
});

describe('nf4', () => {
  it('each code stands for itself, and a middle goes to the lower entry', () => {
    const nf4 = createFormat('nf4', { scale: 1 }, 'tensor');
    const fit = fitOf(nf4, floats(1));
    const codes = Uint32Array.from({ length: 16 }, (_, code) => code);
    const entries = nf4.decode(codes, 16, fit);
    expect([...nf4.encode(entries, 16, fit)]).toEqual([...codes]);
    const middles = entries.subarray(1).map((entry, i) => Math.fround(entry + entries[i]!) / 2);
    expect([...nf4.encode(middles, 15, fit)]).toEqual([...codes.subarray(0, 15)]);
    expect([...nf4.encode(middles.map(nextUp), 15, fit)]).toEqual([...codes.subarray(1)]);
    const x = aroundElements([...entries]);
    expect(rounded(nf4, x, fit)).toEqual([...nf4.decode(nf4.encode(x, x.length, fit), x.length, fit)]);
  });

  it('survives a block of subnormal values', () => {
    const nf4 = createFormat('nf4');
    const x = floats(1e-40, -3e-41, 0);
    expect(rounded(nf4, x, fitOf(nf4, x))).toEqual([
      ...nf4.decode(nf4.encode(x, 3, fitOf(nf4, x)), 3, fitOf(nf4, x)),
    ]);
  });
});

describe('adaptivfloat', () => {
  const settings = [4, 5, 6, 7, 8].flatMap((bits) =>
    [2, 3, 4, 5].filter((exponent) => exponent < bits).map((exponent) => ({ bits, exponent })),
  );

  it.each(settings)('every code at $bits bits, $exponent of the exponent', ({ bits, exponent }) => {
    for (const variant of ['reference-code', 'paper']) {
      const format = createFormat('adaptivfloat', { bits, exponent, variant }, 'tensor');
      const fit = fitOf(format, floats(1.5));
      expect([...fit.scales]).toEqual([1]);
      const unit = 2 ** (bits - 1 - exponent);
      const codes = Uint32Array.from({ length: 2 ** bits }, (_, code) => code);
      const elements = format.decode(codes, codes.length, fit);
      const produced = [...codes].filter((code) => {
        const magnitude = code % 2 ** (bits - 1);
        if (code === 0 || magnitude === 0) return code === 0;
        return variant === 'paper' || (magnitude >= unit && magnitude < 2 ** (bits - 1) - unit);
      });
      const reached = floats(...produced.map((code) => elements[code]!));
      expect([...format.encode(reached, reached.length, fit)]).toEqual(produced);
      expect(Math.max(...reached)).toBe(2 - 1 / unit);

      const x = aroundElements([...reached]);
      const oracle = format.decode(format.encode(x, x.length, fit), x.length, fit);
      expect(rounded(format, x, fit)).toEqual([...oracle]);
    }
  });

  it('flushes, gives up the smallest power for 0, and clips, as the two variants have it', () => {
    const x = floats(2 ** -13, down(2 ** -13), 1.9, 1.95, -1.99, 0.53125);
    const code = createFormat('adaptivfloat', {}, 'tensor');
    expect(rounded(code, x, fitOf(code, x))).toEqual([2 ** -13, 0, 1.875, 1.875, -1.875, 0.5]);
    const paper = createFormat('adaptivfloat', { variant: 'paper' }, 'tensor');
    const least = 2 ** -15 * 1.125;
    const y = floats(1, 2 ** -15, least, least / 2, nextUp(least / 2), -least);
    expect(rounded(paper, y, fitOf(paper, y))).toEqual([1, least, least, 0, least, -least]);
  });

  it('has a power of two as its scale, also of a subnormal maximum', () => {
    const scale = (...x: number[]) =>
      fitOf(createFormat('adaptivfloat', {}, 'tensor'), floats(...x)).scales[0];
    expect(scale(3.99, -1)).toBe(2);
    expect(scale(-4)).toBe(4);
    expect(scale(1e-42)).toBe(2 ** -126);
    expect(scale(3.4e38)).toBe(2 ** 127);
    expect(floorLog2(2 ** -149)).toBe(-149);
    expect(floorLog2(2 ** -127)).toBe(-127);
  });

  it('refuses an exponent that leaves no sign', () => {
    expect(() => createFormat('adaptivfloat', { bits: 5, exponent: 5 })).toThrow(
      'expected exponent to be at most 4',
    );
  });
});

describe('gobo', () => {
  const normal = Float32Array.from({ length: 4096 }, (_, i) => 0.05 * Math.sin(i * 1.7) * Math.cos(i * 0.3));

  it('keeps outliers bit for bit and rounds the others to the nearest centroid', () => {
    const x = normal.slice();
    x.set([0.9, -0.7, -1.5], 100);
    const gobo = createFormat('gobo');
    const fit = fitOf(gobo, x, 64);
    const result = rounded(gobo, x, fit, 64);
    expect(result.slice(100, 103)).toEqual([...x.subarray(100, 103)]);
    const { centroids } = gobo.describe!(gobo.encode(x, 64, fit), 64, fit) as { centroids: number[] };
    expect(centroids.length).toBe(8);
    for (const [i, value] of result.entries()) {
      const nearest = Math.min(...centroids.map((centroid) => Math.abs(centroid - x[i]!)));
      expect(value === x[i] || Math.abs(value - x[i]!) === nearest).toBe(true);
    }
  });

  it('counts every bit it stores', () => {
    const x = normal.slice();
    x[7] = 0.9;
    const gobo = createFormat('gobo', { bits: 4 });
    const fit = fitOf(gobo, x, 64);
    const codes = gobo.encode(x, 64, fit);
    // 4096 indices, 16 centroids, a count, and one outlier at a 12-bit place.
    expect(gobo.pack(codes, 64, fit).bits).toBe(4096 * 4 + 16 * 32 + 32 + 12 + 32);
    expect(gobo.describe!(codes, 64, fit).outliers).toBe(1 / 4096);
  });

  it('takes one value, few values, and a spread so wide that all are outliers', () => {
    const gobo = createFormat('gobo');
    const same = floats(0.1, 0.1, 0.1);
    expect(rounded(gobo, same, fitOf(gobo, same))).toEqual([...same]);
    const few = floats(0.1, -0.2);
    expect(rounded(gobo, few, fitOf(gobo, few))).toEqual([...few]);
    const wide = floats(-100, 3, 0, -0, 50);
    expect(rounded(gobo, wide, fitOf(gobo, wide))).toEqual([...wide]);
  });

  it('stops where the error no longer falls', () => {
    const sorted = kernels.load(normal).sort();
    const centroids = clusterSorted(kernels, sorted, 8);
    const { thresholds } = gridOf(centroids);
    const l1 = (table: Float32Array) =>
      normal.reduce((sum, x) => sum + Math.min(...Array.from(table, (c) => Math.abs(c - x))), 0);
    const bounds = [0, ...Array.from(thresholds, (t) => countBelow(sorted, t)), sorted.length];
    const next = centroids.map((_, k) => {
      const cluster = sorted.subarray(bounds[k], bounds[k + 1]);
      return cluster.reduce((sum, value) => sum + value, 0) / cluster.length;
    });
    expect(l1(next)).toBeGreaterThanOrEqual(l1(centroids) * (1 - 1e-9));
    const bins = centroids.map((_, k) => {
      const bin = sorted.subarray(k * 512, (k + 1) * 512);
      return bin.reduce((sum, value) => sum + value, 0) / 512;
    });
    expect(l1(centroids)).toBeLessThan(l1(bins));
  });
});

describe('olaccel', () => {
  it('leaves a share of the largest magnitudes to 16 bits, all on one grid', () => {
    const x = Float32Array.from({ length: 200 }, (_, i) => ((i % 2 ? 1 : -1) * (i % 50)) / 7);
    x.set([30, -40, 50, 1e3]);
    const olaccel = createFormat('olaccel');
    const fit = fitOf(olaccel, x);
    // Of 200 values 6 are set aside: the four, and two of the four that are 49 / 7.
    expect(fit.scales[0]).toBe(1);
    const codes = olaccel.encode(x, 200, fit);
    expect([...olaccel.decode(codes, 200, fit)].slice(0, 4)).toEqual([30, -40, 50, 1000]);
    expect(olaccel.describe!(codes, 200, fit)).toEqual({ outliers: 4 / 200 });
    expect(olaccel.pack(codes, 200, fit).bits).toBe(200 * 4 + 32 + 32 + 4 * (8 + 16));
  });

  it('never lets an outlier saturate, also where all but a few values are 0', () => {
    const olaccel = createFormat('olaccel');
    const sparse = new Float32Array(100);
    sparse[3] = 5;
    expect(rounded(olaccel, sparse, fitOf(olaccel, sparse))[3]).toBe(32767);
    const far = Float32Array.from({ length: 100 }, (_, i) => (i === 0 ? 1e9 : i / 100));
    expect(rounded(olaccel, far, fitOf(olaccel, far))[0]).toBe(32767);
  });

  it('every dense code survives packing', () => {
    const olaccel = createFormat('olaccel');
    const codes = Uint32Array.from({ length: 16 }, (_, i) => (i - 8) & 0xffff);
    const { codes: again } = olaccel.unpack(olaccel.pack(codes, 16, { scales: floats(1) }), 1, 16);
    expect([...again]).toEqual([...codes]);
  });

  it('finds the magnitude that a count exceeds', () => {
    const sorted = floats(-9, -3, -1, 0, 2, 3, 8).sort();
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((count) => largestWithout(sorted, count))).toEqual([
      9, 8, 3, 3, 2, 1, 0, 0,
    ]);
  });
});

describe('clip by squared error', () => {
  const x = Float32Array.from({ length: 40 * 96 }, (_, i) => Math.sin(i * 1.3) ** 5 * (i % 97 === 0 ? 9 : 1));

  /** Squared error of the values that a format gives with a fit. */
  function errorOf(format: TensorFormat, fit: Fit, columns: number): number {
    const mark = kernels.mark();
    const values = kernels.load(x);
    format.round(kernels, values, columns, fit, 'values');
    const error = values.reduce((sum, value, i) => sum + Math.fround(value - x[i]!) ** 2, 0);
    kernels.release(mark);
    return error;
  }

  it.each(['tensor', 'channel', 'group:20'])(
    'no fraction is better than the chosen ones, %s',
    (granularity) => {
      const format = createFormat('int3', { clip: 'mse' }, granularity);
      const plain = fitOf(createFormat('int3', {}, granularity), x, 96);
      const best = errorOf(format, fitOf(format, x, 96), 96);
      for (const factor of CLIP_FACTORS) {
        const scales = plain.scales.map((scale) => scale * factor);
        expect(errorOf(format, { scales }, 96)).toBeGreaterThanOrEqual(best * (1 - 1e-9));
      }
      expect(best).toBeLessThan(errorOf(format, plain, 96) * 0.95);
    },
  );

  it('asymmetric ranges shrink, and keep their zero', () => {
    const wide = fitOf(createFormat('int3', { range: 'asymmetric' }, 'channel'), x, 96);
    const format = createFormat('int3', { range: 'asymmetric', clip: 'mse' }, 'channel');
    const fit = fitOf(format, x, 96);
    expect(errorOf(format, fit, 96)).toBeLessThan(errorOf(format, wide, 96) * 0.9);
    expect(rounded(format, new Float32Array(x.length), fit, 96)).toEqual([...new Float32Array(x.length)]);
  });

  it('a scale of the tensor is that of all blocks together', () => {
    // More values than a block of the search holds.
    const long = Float32Array.from(
      { length: 300 * 256 },
      (_, i) => Math.sin(i * 0.7) ** 3 * (i === 5 ? 20 : 1),
    );
    const format = createFormat('int4', { clip: 'mse' }, 'tensor');
    const asOneRow = createFormat('int4', { clip: 'mse' }, 'channel');
    expect(fitOf(format, long, 256).scales[0]).toBe(fitOf(asOneRow, long, long.length).scales[0]);
    expect(fitOf(format, long, 256).scales[0]).toBeLessThan(2);
  });

  it('a scale from outside stays', () => {
    expect(fitOf(createFormat('int4', { clip: 'mse', scale: 3 }, 'tensor'), x).scales[0]).toBe(3);
  });
});
