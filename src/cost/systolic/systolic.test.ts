import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../test/systolic-simulator.ts';
import { InputError } from '../../errors.ts';
import { type Dataflow, type SystolicArray, type SystolicGemm, systolicCost } from './index.ts';
import { arrayDemand, mapGemm } from './mapping.ts';

const DATAFLOWS: Dataflow[] = ['output-stationary', 'weight-stationary', 'input-stationary'];
const BYTES = { input: 8, weight: 8, output: 8 };

function gemm(m: number, k: number, n: number, more: Partial<SystolicGemm> = {}): SystolicGemm {
  return { site: 'fc1', m, k, n, count: 1, weight: true, ...more };
}

const anyArray = fc.record({
  rows: fc.integer({ min: 1, max: 7 }),
  columns: fc.integer({ min: 1, max: 7 }),
  dataflow: fc.constantFrom(...DATAFLOWS),
});
const side = fc.integer({ min: 1, max: 16 });

describe('the formula against the array cycle by cycle', () => {
  it('has its cycles, its products, its accesses, and the array the right product', () => {
    fc.assert(
      fc.property(
        side,
        side,
        side,
        anyArray,
        fc.infiniteStream(fc.integer({ min: -9, max: 9 })),
        (m, k, n, array, values) => {
          const matrix = (rows: number, columns: number) =>
            Array.from({ length: rows }, () =>
              Array.from({ length: columns }, () => values.next().value as number),
            );
          const a = matrix(m, k);
          const b = matrix(k, n);
          const simulation = simulate(a, b, array);
          const product = a.map((row) =>
            b[0]!.map((_, j) => row.reduce((sum, x, i) => sum + x * b[i]![j]!, 0)),
          );
          expect(simulation.product).toEqual(product);

          const mapping = mapGemm(gemm(m, k, n), array);
          const demand = arrayDemand(mapping);
          expect({
            cycles: BigInt(simulation.cycles),
            macs: simulation.macs,
            left: BigInt(simulation.leftReads),
            top: BigInt(simulation.topReads),
            writes: BigInt(simulation.writes),
            partialReads: BigInt(simulation.partialReads),
            drain: simulation.drainCycles,
          }).toEqual({
            cycles: mapping.rowFolds * mapping.columnFolds * mapping.foldCycles,
            macs: m * k * n,
            left: demand.left,
            top: demand.top,
            writes: demand.outputs + demand.partials,
            partialReads: demand.partials,
            drain: array.dataflow === 'output-stationary' ? array.rows : 0,
          });
          const { cycles, utilization } = systolicCost(gemm(m, k, n), array, BYTES);
          expect(cycles.compute).toBe(BigInt(simulation.cycles - 1));
          expect(utilization).toBeCloseTo((m * k * n) / (simulation.cycles * array.rows * array.columns), 12);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('published cycles', () => {
  // SCALE-Sim 2.0.2, measured.
  it.each<[Dataflow, number, bigint]>([
    ['output-stationary', 128, 24_527n],
    ['weight-stationary', 128, 32_183n],
    ['output-stationary', 32, 318_719n],
    ['weight-stationary', 32, 349_055n],
  ])('512 x 768 x 768, %s on %i x %i', (dataflow, size, cycles) => {
    const cost = systolicCost(gemm(512, 768, 768), { rows: size, columns: size, dataflow }, BYTES);
    expect(cost.cycles).toEqual({ compute: cycles, stall: undefined });
    expect(cost.mappingEfficiency).toBe(1);
  });

  it('stay exact beyond 2^53', () => {
    const size = Number.MAX_SAFE_INTEGER;
    const array: SystolicArray = { rows: 1, columns: 1, dataflow: 'output-stationary' };
    const cost = systolicCost(gemm(size, size, size, { count: 3 }), array, BYTES);
    expect(cost.cycles.compute).toBe(3n * (BigInt(size) ** 3n - 1n));
    expect(cost.traffic.dramWrites).toBe(24n * BigInt(size) ** 2n);
    expect(cost.utilization).toBe(1);
  });

  it('`count` GEMMs are as many runs', () => {
    const array: SystolicArray = { rows: 8, columns: 4, dataflow: 'weight-stationary' };
    const memory = { inputBits: 1024, weightBits: 1024, outputBits: 1024, dramBitsPerCycle: 24 };
    const one = systolicCost(gemm(20, 30, 10), array, BYTES, memory);
    const five = systolicCost(gemm(20, 30, 10, { count: 5 }), array, BYTES, memory);
    expect(five.cycles).toEqual({ compute: 5n * one.cycles.compute, stall: 5n * one.cycles.stall! });
    for (const key of ['sramReads', 'sramWrites', 'dramReads', 'dramWrites'] as const) {
      expect(five.traffic[key]).toBe(5n * one.traffic[key]);
    }
    expect(five.utilization).toBe(one.utilization);
  });
});

describe('bad input', () => {
  const array: SystolicArray = { rows: 128, columns: 128, dataflow: 'weight-stationary' };
  const format = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      if (error instanceof InputError) return error.format();
      throw error;
    }
    return 'no error';
  };

  it('says which buffer a tile does not fit, and by how much', () => {
    const memory = { inputBits: 1e6, weightBits: 131072, outputBits: 1e6 };
    expect(format(() => systolicCost(gemm(512, 768, 768), array, BYTES, memory))).toBe(
      'fc1: weight buffer: a tile of 128 x 128 takes 131072 bits, half of the double buffer has 65536: 65536 bits too few\n' +
        '  give the weight buffer at least 262144 bits, or the array fewer rows or columns',
    );
    const large = { ...memory, weightBits: 262144 };
    expect(format(() => systolicCost(gemm(512, 768, 768), array, BYTES, large))).toBe('no error');
    const small = { ...large, inputBits: 2046 };
    expect(format(() => systolicCost(gemm(512, 768, 768), array, BYTES, small))).toMatch(
      /^fc1: input buffer: a tile of 128 x 1 takes 1024 bits, .* 1023: 1 bits too few/,
    );
    const os: SystolicArray = { ...array, dataflow: 'output-stationary' };
    expect(
      format(() => systolicCost(gemm(512, 768, 768), os, BYTES, { ...large, outputBits: 2048 })),
    ).toMatch(/^fc1: output buffer: a tile of 128 x 128/);
  });

  it('asks for no more than what is in use at once', () => {
    // Streams: a step of each. What stays: a tile, no larger than the matrix.
    const os: SystolicArray = { ...array, dataflow: 'output-stationary' };
    const least = { inputBits: 2048, weightBits: 2048, outputBits: 2 * 128 * 128 * 8 };
    expect(format(() => systolicCost(gemm(512, 768, 768), os, BYTES, least))).toBe('no error');
    const small = { inputBits: 6 * 16, weightBits: 6 * 5 * 16, outputBits: 5 * 16 };
    expect(format(() => systolicCost(gemm(512, 6, 5), array, BYTES, small))).toBe('no error');
    // Sums over two row folds have the width of partial sums.
    const wide: SystolicArray = { ...array, partialBits: 32 };
    const memory = { inputBits: 1e6, weightBits: 1e6, outputBits: 2 * 128 * 8 };
    expect(format(() => systolicCost(gemm(512, 128, 768), wide, BYTES, memory))).toBe('no error');
    expect(format(() => systolicCost(gemm(512, 129, 768), wide, BYTES, memory))).toMatch(
      /^fc1: output buffer: a tile of 1 x 128 takes 4096 bits, .* 1024: 3072 bits too few/,
    );
  });

  it.each([0, -3, 1.5, Number.NaN, 2 ** 53])('refuses a dimension of %d', (bad) => {
    for (const wrong of [gemm(bad, 1, 1), gemm(1, bad, 1), gemm(1, 1, bad), gemm(1, 1, 1, { count: bad })]) {
      expect(format(() => systolicCost(wrong, array, BYTES))).toMatch(
        /^fc1: (m|k|n|count): expected a positive whole number, found /,
      );
    }
    expect(format(() => systolicCost(gemm(1, 1, 1), { ...array, rows: bad }, BYTES))).toMatch(
      /^array\.rows: /,
    );
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a width or bandwidth of %d', (bad) => {
    expect(format(() => systolicCost(gemm(1, 1, 1), array, { ...BYTES, weight: bad }))).toMatch(/^weight: /);
    const memory = { inputBits: 1e6, weightBits: 1e6, outputBits: 1e6, dramBitsPerCycle: bad };
    expect(format(() => systolicCost(gemm(1, 1, 1), array, BYTES, memory))).toMatch(/^dramBitsPerCycle: /);
  });
});
