import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { goldenPath } from '../../../test/golden.ts';
import { InputError } from '../../errors.ts';
import type { WorkloadGemm } from '../contract.ts';
import type { FusedArray, FusedMemory } from './array.ts';
import { fusedEnergy } from './energy.ts';
import { fusedCost } from './fused.ts';
import { OLIVE_ARRAYS, OLIVE_MEMORY, OLIVE_POWER } from './presets.ts';
import { type LoopOrder, priceTiling, type Tiling } from './price.ts';
import { findTiling } from './search.ts';

function gemm(m: number, k: number, n: number, count = 1): WorkloadGemm {
  return { site: 'q', m, k, n, count, weight: true };
}

function width(bits: number) {
  return { input: bits, weight: bits, output: 16 };
}

/** The linear layers of BERT-base's encoder at batch 64, sequence 128. */
const BERT_BASE = [gemm(8192, 768, 768, 48), gemm(8192, 768, 3072, 12), gemm(8192, 3072, 768, 12)];

describe("OliVe's machines on BERT-base", () => {
  const cycles = (array: FusedArray, bits: number) =>
    BERT_BASE.map((product) => fusedCost(product, array, width(bits), OLIVE_MEMORY).cycles).reduce(
      (sum, { compute, stall }) => sum + compute + stall,
      0n,
    );

  test.each([
    ['olive', 4, 169_875_264n],
    ['olaccel', 4, 618_164_712n],
    ['adafloat', 8, 790_379_256n],
  ] as const)('%s at %i bits takes the cycles of the public simulator', (name, bits, expected) => {
    expect(cycles(OLIVE_ARRAYS[name], bits)).toBe(expected);
  });

  test('energy shares relative to AdaFloat are those of the simulator', () => {
    const parts = (array: FusedArray, bits: number) => {
      const sums = [0, 0, 0, 0];
      for (const product of BERT_BASE) {
        const cost = fusedCost(product, array, width(bits), OLIVE_MEMORY);
        const energy = fusedEnergy(cost, array, OLIVE_MEMORY, OLIVE_POWER);
        [energy.static, energy.dram, energy.sram, energy.compute].forEach((part, i) => {
          sums[i]! += part!;
        });
      }
      return sums;
    };
    const total = parts(OLIVE_ARRAYS.adafloat, 8).reduce((sum, part) => sum + part);
    const shares = (array: FusedArray, bits: number) => parts(array, bits).map((part) => part / total);
    const near = (actual: number[], expected: number[]) => {
      for (const [i, share] of expected.entries()) expect(Math.abs(actual[i]! - share)).toBeLessThan(0.001);
    };
    near(shares(OLIVE_ARRAYS.olive, 4), [0.079, 0.03, 0.094, 0.057]);
    near(shares(OLIVE_ARRAYS.olaccel, 4), [0.286, 0.122, 0.101, 0.059]);
  });
});

interface GoldenProduct {
  array: FusedArray;
  bits: number;
  m: number;
  k: number;
  n: number;
  cycles: number;
  stall: number;
  weight: { reads: number; writes: number };
  input: { reads: number; writes: number };
  output: { reads: number; writes: number };
  dram: { reads: number; writes: number };
}

describe("ANT's public simulator", () => {
  // Its search weighs DRAM accesses by other constants (stats.py, get_energy) than its report.
  const perBit = (nanojoules: number) => ({
    value: (nanojoules * 1e3) / 1024,
    unit: 'pJ/bit',
    source: 'stats.py, get_energy',
  });
  const memory: FusedMemory = {
    ...OLIVE_MEMORY,
    accessEnergy: {
      ...OLIVE_MEMORY.accessEnergy,
      dram: { read: perBit(1.18294), write: perBit(1.47797) },
    },
  };
  const products: GoldenProduct[] = JSON.parse(readFileSync(goldenPath('cost/fused-tiling.json'), 'utf8'));

  test.each(
    products.map((product) => {
      const { array, bits, m, k, n } = product;
      const name = `${m} x ${k} x ${n}, ${bits} bits, ${array.rows} x ${array.columns}, ${array.dataflow}`;
      return [name, product] as const;
    }),
  )('%s: same cycles, stalls and accesses', (_, product) => {
    const { array, bits, m, k, n } = product;
    const cost = fusedCost(gemm(m, k, n), array, width(bits), memory);
    const counts = ({ reads, writes }: { reads: bigint; writes: bigint }) => ({
      reads: Number(reads),
      writes: Number(writes),
    });
    expect({
      cycles: Number(cost.cycles.compute + cost.cycles.stall),
      stall: Number(cost.cycles.stall),
      weight: counts(cost.buffers.weight),
      input: counts(cost.buffers.input),
      output: counts(cost.buffers.output),
      dram: { reads: Number(cost.traffic.dramReads), writes: Number(cost.traffic.dramWrites) },
    }).toEqual({
      cycles: product.cycles,
      stall: product.stall,
      weight: product.weight,
      input: product.input,
      output: product.output,
      dram: product.dram,
    });
  });
});

describe('the search', () => {
  const ORDERS: LoopOrder[] = [
    ['m', 'k', 'n'],
    ['m', 'n', 'k'],
    ['k', 'm', 'n'],
    ['k', 'n', 'm'],
    ['n', 'm', 'k'],
    ['n', 'k', 'm'],
  ];
  const dimension = fc.integer({ min: 1, max: 70 });
  const small: FusedMemory = { ...OLIVE_MEMORY, weightBytes: 512, inputBytes: 768, outputBytes: 256 };

  test('no tiling that fits takes fewer cycles, tried one by one with the exact price', () => {
    fc.assert(
      fc.property(
        fc.record({ m: dimension, k: dimension, n: dimension }),
        fc.constantFrom(4, 8),
        fc.constantFrom('output-stationary', 'weight-stationary'),
        fc.integer({ min: 8, max: 64 }),
        (shape, bits, dataflow, dramBitsPerCycle) => {
          const array: FusedArray = { rows: 4, columns: 6, dataflow, maxBits: 8, minBits: 4 };
          const memory = { ...small, dramBitsPerCycle };
          const cyclesOf = (tiling: Tiling) => {
            const { compute, stall } = priceTiling(shape, tiling, array, width(bits), memory).cycles;
            return compute + stall;
          };
          const sizes = (size: number) =>
            Array.from({ length: 8 }, (_, i) => Math.min(1 << i, size)).filter(
              (value, i, all) => value !== all[i - 1],
            );
          const split = 8 / bits;
          const fits = ({ m, k, n }: Tiling) =>
            Math.ceil(k / (4 * split)) * 4 * split * n * bits <= small.weightBytes * 4 &&
            Math.ceil(k / (6 * split)) * 6 * split * m * bits <= small.inputBytes * 4;
          let fewest: bigint | undefined;
          for (const m of sizes(shape.m))
            for (const k of sizes(shape.k))
              for (const n of sizes(shape.n))
                for (const order of ORDERS) {
                  if (!fits({ m, k, n, order })) continue;
                  const cycles = cyclesOf({ m, k, n, order });
                  if (fewest === undefined || cycles < fewest) fewest = cycles;
                }
          expect(cyclesOf(findTiling(shape, array, width(bits), memory))).toBe(fewest);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('asked again it answers the same, and `count` only multiplies', () => {
    const once = fusedCost(gemm(100, 200, 300), OLIVE_ARRAYS.olive, width(4), OLIVE_MEMORY);
    const thrice = fusedCost(gemm(100, 200, 300, 3), OLIVE_ARRAYS.olive, width(4), OLIVE_MEMORY);
    expect(thrice.tiling).toEqual(once.tiling);
    expect(thrice.cycles.compute).toBe(3n * once.cycles.compute);
    expect(thrice.traffic.dramReads).toBe(3n * once.traffic.dramReads);
    expect(thrice.utilization).toBe(once.utilization);
  });

  test('whatever breaks a tie, the cycles are the fewest: other energies change only traffic', () => {
    const free = { value: 0, unit: 'pJ/bit', source: 'assumed: none' };
    const none = { read: free, write: free };
    const memory = {
      ...OLIVE_MEMORY,
      accessEnergy: { weight: none, input: none, output: none, dram: none },
    };
    for (const product of BERT_BASE) {
      const paid = fusedCost(product, OLIVE_ARRAYS.olaccel, width(4), OLIVE_MEMORY).cycles;
      const unpaid = fusedCost(product, OLIVE_ARRAYS.olaccel, width(4), memory).cycles;
      expect(unpaid.compute + unpaid.stall).toBe(paid.compute + paid.stall);
    }
  });
});

describe('counts beyond 2^53', () => {
  test('stay exact', () => {
    const size = 2 ** 21 + 1;
    const { cycles, buffers } = fusedCost(
      gemm(size, size, size, 7),
      OLIVE_ARRAYS.olive,
      width(4),
      OLIVE_MEMORY,
    );
    expect(cycles.compute % 7n).toBe(0n);
    expect(buffers.input.reads).toBeGreaterThan(2n ** 53n);
    expect(buffers.input.reads).toBeGreaterThanOrEqual(BigInt(size) ** 3n * 28n);
  });

  test('a whole number of tiles costs exactly the products', () => {
    const size = 2 ** 20;
    const { cycles } = fusedCost(gemm(size, size, size), OLIVE_ARRAYS.olive, width(4), OLIVE_MEMORY);
    expect(cycles.compute).toBe(2n ** 60n / 4096n);
  });
});

describe('stored bits', () => {
  test('scales beside the elements are moved and not multiplied', () => {
    const shape = { m: 512, k: 512, n: 512 };
    const tiling: Tiling = { m: 64, k: 64, n: 64, order: ['m', 'n', 'k'] };
    const price = (bits: number) => priceTiling(shape, tiling, OLIVE_ARRAYS.olive, width(bits), OLIVE_MEMORY);
    expect(price(4.25).cycles.compute).toBe(price(4).cycles.compute);
    expect(price(4.25).dram.reads * 16n).toBe(price(4).dram.reads * 17n);
  });

  test('a fraction of a bit is rounded up in sum', () => {
    const shape = { m: 3, k: 5, n: 7 };
    const array: FusedArray = { ...OLIVE_ARRAYS.olive, rows: 1, columns: 1, minBits: 8 };
    const price = priceTiling(shape, { ...shape, order: ['m', 'k', 'n'] }, array, width(4.3), OLIVE_MEMORY);
    expect(price.buffers.weight.writes).toBe(151n); // 35 · 4.3 = 150.5
  });
});

describe('bad input', () => {
  const cost = (
    product: WorkloadGemm,
    array: Partial<FusedArray>,
    bits = 4,
    memory: Partial<FusedMemory> = {},
  ) => fusedCost(product, { ...OLIVE_ARRAYS.olive, ...array }, width(bits), { ...OLIVE_MEMORY, ...memory });

  test.each([
    ['m of 0', () => cost(gemm(0, 1, 1), {}), /^m: expected a whole number above 0, found 0/],
    ['n of -3', () => cost(gemm(1, 1, -3), {}), /^n: .*found -3/],
    ['half a count', () => cost(gemm(1, 1, 1, 0.5), {}), /^count: .*found 0.5/],
    ['no rows', () => cost(gemm(1, 1, 1), { rows: 0 }), /^rows: /],
    [
      'narrower than narrow',
      () => cost(gemm(1, 1, 1), { minBits: 16 }),
      /^minBits: minBits 16 is above maxBits 8/,
    ],
    [
      '16-bit operands',
      () => cost(gemm(1, 1, 1), {}, 16),
      /input of 16 bits: the array multiplies .* 4 to 8 bits/,
    ],
    [
      'a buffer below a tile',
      () => cost(gemm(64, 64, 64), {}, 4, { weightBytes: 60 }),
      /^weightBytes: the smallest tile takes 32 bytes, half the 60 bytes of the weight buffer are 30: 2 too few\n.*at least 64 bytes/,
    ],
  ])('%s', (_, run, message) => {
    expect(run).toThrow(InputError);
    try {
      run();
    } catch (error) {
      expect((error as InputError).format()).toMatch(message);
    }
  });
});
