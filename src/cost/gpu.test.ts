import { describe, expect, test } from 'vitest';
import { InputError } from '../errors.ts';
import type { WorkloadGemm } from './contract.ts';
import { type Gpu, type GpuKernel, gpuCost, RTX_2080_TI } from './gpu.ts';

function gemm(m: number, k: number, n: number, count = 1): WorkloadGemm {
  return { site: 'q', m, k, n, count, weight: true };
}

function kernel(bits: 4 | 8 | 16): GpuKernel {
  return { bits: { input: bits, weight: bits, output: 16 }, multiplyBits: bits, unpack: undefined };
}

/** Nothing but compute. */
const UNBOUND: Gpu = {
  ...RTX_2080_TI,
  launch: { value: 0, unit: 'cycles', source: 'assumed: none' },
  dramBandwidth: { value: 1e18, unit: 'B/s', source: 'assumed: none' },
};

describe('RTX 2080 Ti', () => {
  test.each([
    [16, 107.6],
    [8, 215.2],
    [4, 430.3],
  ] as const)("%i bits: rates and clock give the white paper's peak", (bits, tera) => {
    const { multiprocessors, clock, tensor } = RTX_2080_TI;
    const peak = 2 * multiprocessors.value * clock.value * tensor[bits].rate.value;
    expect(peak / 1e12).toBeCloseTo(tera, 1);
  });
});

describe('compute', () => {
  test('a full wave keeps every multiplier busy', () => {
    // 17 x 4 blocks of 128 x 128, one on each of 68 multiprocessors.
    const oneTile = { ...UNBOUND, tiles: [{ rows: 128, columns: 128 }] };
    const cost = gpuCost(gemm(17 * 128, 1024, 4 * 128), oneTile, kernel(8));
    expect(cost.cycles).toEqual({ compute: (128n * 128n * 1024n) / 1024n, stall: 0n });
    expect(cost.utilization).toBe(1);
  });

  test('one block more takes a second wave', () => {
    const oneTile = { ...UNBOUND, tiles: [{ rows: 128, columns: 128 }] };
    const full = gpuCost(gemm(17 * 128, 1024, 4 * 128), oneTile, kernel(8));
    const more = gpuCost(gemm(17 * 128 + 1, 1024, 4 * 128), oneTile, kernel(8));
    expect(more.cycles.compute).toBe(2n * full.cycles.compute);
  });

  test('K is padded to the matrix instruction', () => {
    const one = gpuCost(gemm(64, 1, 64), UNBOUND, kernel(4)).cycles.compute;
    expect(gpuCost(gemm(64, 32, 64), UNBOUND, kernel(4)).cycles.compute).toBe(one);
    expect(gpuCost(gemm(64, 33, 64), UNBOUND, kernel(4)).cycles.compute).toBe(2n * one);
  });

  test('the smallest product takes the smallest tile; a large one the first of the fastest', () => {
    expect(gpuCost(gemm(1, 4096, 1), RTX_2080_TI, kernel(8)).tile).toEqual({ rows: 64, columns: 64 });
    const wave = gemm(256 * 68, 4096, 128);
    expect(gpuCost(wave, RTX_2080_TI, kernel(8)).tile).toEqual({ rows: 256, columns: 128 });
  });

  test('unpacking adds its instructions for each weight of each block', () => {
    const oneTile = { ...UNBOUND, tiles: [{ rows: 128, columns: 128 }] };
    const unpack = { value: 4, unit: 'instruction', source: 'assumed: for the test' };
    const plain = gpuCost(gemm(128, 512, 128), oneTile, kernel(16));
    const packed = gpuCost(gemm(128, 512, 128), oneTile, { ...kernel(16), unpack });
    expect(packed.cycles.compute - plain.cycles.compute).toBe((4n * 512n * 128n) / 64n);
  });
});

describe('memory', () => {
  test('a GEMV takes the time of its weights', () => {
    const cost = gpuCost(gemm(1, 4096, 4096), RTX_2080_TI, kernel(8));
    const bytes = 4096 * 4096 + 4096 + 2 * 4096;
    expect(cost.seconds - 5000 / 1545e6).toBeCloseTo(bytes / 616e9, 8);
    expect(cost.traffic.dramReads).toBe(8n * (4096n * 4096n + 4096n));
  });

  test('counts beyond 2^53 stay exact', () => {
    const size = 2 ** 27;
    const { traffic } = gpuCost(gemm(size, size, size, 3), RTX_2080_TI, kernel(4));
    expect(traffic.dramReads).toBe(3n * 8n * 2n ** 54n);
    expect(traffic.dramWrites).toBe(3n * 16n * 2n ** 54n);
  });
});

test.each(['m', 'k', 'n', 'count'] as const)('%s of 0 is refused', (key) => {
  const run = () => gpuCost({ ...gemm(1, 1, 1), [key]: 0 }, RTX_2080_TI, kernel(8));
  expect(run).toThrow(InputError);
  expect(run).toThrow('expected a whole number above 0, found 0');
});
