import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../test/systolic-simulator.ts';
import { InputError } from '../../errors.ts';
import { dramSchedule } from './dram.ts';
import { cyclesFor } from './exact.ts';
import {
  type Dataflow,
  type SystolicArray,
  type SystolicGemm,
  type SystolicMemory,
  systolicCost,
} from './index.ts';
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

/** DRAM traffic in elements, fold by fold, with a look at what each SRAM holds. */
function walk(
  m: number,
  k: number,
  n: number,
  array: SystolicArray,
  half: Record<'input' | 'weight' | 'output', number>,
) {
  const { rows, columns, dataflow } = array;
  const os = dataflow === 'output-stationary';
  const is = dataflow === 'input-stationary';
  const [height, width, time] = os ? [m, n, k] : is ? [k, m, n] : [k, n, m];
  const [left, top] = is ? (['weight', 'input'] as const) : (['input', 'weight'] as const);
  const moved = { input: 0, weight: 0, outputReads: 0, outputWrites: 0 };
  const keepsLeft = height * time <= half[left];
  const keepsTop = time * Math.min(columns, width) <= half[top];
  const keepsSums = time * Math.min(columns, width) <= half.output;
  const leftHeld = new Set<number>();
  for (let column = 0; column < width; column += columns) {
    const across = Math.min(columns, width - column);
    let topHeld = false;
    for (let row = 0; row < height; row += rows) {
      const along = Math.min(rows, height - row);
      if (!leftHeld.has(row)) moved[left] += along * time;
      if (keepsLeft) leftHeld.add(row);
      if (os) {
        if (!topHeld) moved[top] += time * across;
        topHeld = keepsTop;
        moved.outputWrites += along * across;
        continue;
      }
      moved[top] += along * across;
      const last = row + rows >= height;
      if (row > 0 && !keepsSums) moved.outputReads += time * across;
      if (last || !keepsSums) moved.outputWrites += time * across;
    }
  }
  return moved;
}

describe('DRAM traffic', () => {
  const memories = fc.record({
    input: fc.integer({ min: 60, max: 400 }),
    weight: fc.integer({ min: 60, max: 400 }),
    output: fc.integer({ min: 60, max: 400 }),
  });
  const bits = { input: 3, weight: 5, output: 7 };
  const memoryOf = (half: Record<'input' | 'weight' | 'output', number>): SystolicMemory => ({
    inputBits: 2 * half.input * bits.input,
    weightBits: 2 * half.weight * bits.weight,
    outputBits: 2 * half.output * bits.output,
  });

  it('is that of a walk over the folds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), side, side, anyArray, memories, (m, k, n, array, half) => {
        const { operands, traffic } = systolicCost(gemm(m, k, n), array, bits, memoryOf(half));
        const expected = walk(m, k, n, array, half);
        expect({
          input: operands.input.dramReads,
          weight: operands.weight.dramReads,
          outputReads: operands.output.dramReads,
          outputWrites: operands.output.dramWrites,
        }).toEqual({
          input: BigInt(expected.input * bits.input),
          weight: BigInt(expected.weight * bits.weight),
          outputReads: BigInt(expected.outputReads * bits.output),
          outputWrites: BigInt(expected.outputWrites * bits.output),
        });
        expect(traffic.dramReads).toBe(
          operands.input.dramReads + operands.weight.dramReads + operands.output.dramReads,
        );
        // What comes from DRAM is written to SRAM, what goes there is read from it.
        const { left, top, outputs, partials } = arrayDemand(mapGemm(gemm(m, k, n), array));
        const weightLeft = array.dataflow === 'input-stationary';
        const operandReads = weightLeft ? left * 5n + top * 3n : left * 3n + top * 5n;
        expect(traffic.sramReads).toBe(operandReads + partials * 7n + traffic.dramWrites);
        expect(traffic.sramWrites).toBe((outputs + partials) * 7n + traffic.dramReads);
      }),
      { numRuns: 400 },
    );
  });

  it('is each operand once without a memory, and with one that holds everything', () => {
    for (const dataflow of DATAFLOWS) {
      const array = { rows: 4, columns: 4, dataflow };
      const free = systolicCost(gemm(30, 20, 10), array, bits);
      expect(free.traffic.dramReads).toBe(30n * 20n * 3n + 20n * 10n * 5n);
      expect(free.traffic.dramWrites).toBe(30n * 10n * 7n);
      expect(
        systolicCost(gemm(30, 20, 10), array, bits, memoryOf({ input: 600, weight: 200, output: 300 })),
      ).toEqual(free);
    }
  });

  it('of a convolution counts overlapping inputs once where they fit', () => {
    for (const dataflow of DATAFLOWS) {
      const array = { rows: 4, columns: 4, dataflow };
      const layer = gemm(25, 36, 6, { inputElements: 196 });
      expect(systolicCost(layer, array, BYTES).operands.input.dramReads).toBe(196n * 8n);
      const memory = { inputBits: 16 * 195, weightBits: 1e6, outputBits: 1e6 };
      const expanded = systolicCost({ ...layer, inputElements: 900 }, array, BYTES, memory);
      expect(systolicCost(layer, array, BYTES, memory).operands.input).toEqual(expanded.operands.input);
    }
  });

  it('takes fractions of a bit an element to the nearest bit', () => {
    const array: SystolicArray = { rows: 4, columns: 4, dataflow: 'weight-stationary' };
    const cost = systolicCost(gemm(5, 10, 1), array, { input: 5.6, weight: 4.125, output: 16 });
    expect(cost.operands.input.dramReads).toBe(280n);
    expect(cost.operands.weight.dramReads).toBe(41n);
  });

  it('moves partial sums at their own width', () => {
    const array: SystolicArray = { rows: 4, columns: 4, dataflow: 'weight-stationary', partialBits: 32 };
    // Four row folds; 10 x 4 sums of 32 bits do not fit into 1000 bits.
    const memory = { inputBits: 1e6, weightBits: 1e6, outputBits: 2000 };
    const { output } = systolicCost(gemm(10, 16, 8), array, BYTES, memory).operands;
    expect(output.dramReads).toBe(3n * 80n * 32n);
    expect(output.dramWrites).toBe(3n * 80n * 32n + 80n * 8n);
    expect(output.sramWrites).toBe(output.dramReads + 3n * 80n * 32n + 80n * 8n);
  });
});

function most(values: bigint[]): bigint {
  return values.toSorted((a, b) => Number(a - b)).at(-1)!;
}

describe('stalls', () => {
  const sizes = fc.record({
    inputBits: fc.integer({ min: 2 * 7 * 7 * 8, max: 6000 }),
    weightBits: fc.integer({ min: 2 * 7 * 7 * 8, max: 6000 }),
    outputBits: fc.integer({ min: 2 * 7 * 7 * 8, max: 6000 }),
    dramBitsPerCycle: fc.oneof(
      fc.integer({ min: 1, max: 200 }),
      fc.double({ min: 0.3, max: 90, noNaN: true }),
    ),
    dramPerOperand: fc.boolean(),
  });
  const long = fc.integer({ min: 1, max: 60 });

  it('are those of a loop over the sweeps, and every bit is moved once', () => {
    fc.assert(
      fc.property(long, long, long, anyArray, sizes, (m, k, n, array, memory) => {
        const mapping = mapGemm(gemm(m, k, n), array);
        const schedule = dramSchedule(mapping, BYTES, 8, memory, BigInt(m * k));
        const steps = [schedule.fill];
        for (let index = 0n; index < mapping.columnFolds; index++) steps.push(schedule.sweep(index));
        steps.push(schedule.drain);
        const sweepCycles = mapping.rowFolds * mapping.foldCycles;
        let stall = 0n;
        const moved = { input: 0n, weight: 0n, outputReads: 0n, outputWrites: 0n };
        for (const [index, step] of steps.entries()) {
          const parts = [step.input, step.weight, step.outputReads + step.outputWrites];
          for (const part of parts) expect(part >= 0n).toBe(true);
          for (const key of ['input', 'weight', 'outputReads', 'outputWrites'] as const)
            moved[key] += step[key];
          const times = parts.map((part) => cyclesFor(part, memory.dramBitsPerCycle));
          const together = cyclesFor(parts[0]! + parts[1]! + parts[2]!, memory.dramBitsPerCycle);
          const transfer = memory.dramPerOperand ? most(times) : together;
          const hidden = index === 0 || index === steps.length - 1 ? 0n : sweepCycles;
          if (transfer > hidden) stall += transfer - hidden;
        }
        expect(moved).toEqual(schedule.total);
        const cost = systolicCost(gemm(m, k, n), array, BYTES, memory);
        expect(cost.cycles.stall).toBe(stall);
        const busy = Number(mapping.columnFolds * sweepCycles + stall);
        expect(cost.utilization).toBeCloseTo((m * k * n) / (array.rows * array.columns * busy), 12);
        // No schedule is faster than the interface, or than the array.
        if (!memory.dramPerOperand) {
          const least = cyclesFor(cost.traffic.dramReads + cost.traffic.dramWrites, memory.dramBitsPerCycle);
          expect(cost.cycles.compute + 1n + stall >= least).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('by hand: a tile of weights a fold, loaded slower than it is used', () => {
    // 3 folds of 4 x 4 weights, 2 inputs: 2 * 4 + 2 + 4 - 2 = 12 cycles each, 36 in the one sweep.
    const array: SystolicArray = { rows: 4, columns: 4, dataflow: 'weight-stationary' };
    const memory = { inputBits: 1e4, weightBits: 1e4, outputBits: 1e4, dramBitsPerCycle: 4 };
    const cost = systolicCost(gemm(2, 12, 4), array, BYTES, memory);
    // Fill: 16 weights and 8 inputs = 192 bits, 48 cycles. Sweep: 32 weights and 16 inputs = 384 bits, 96 cycles, of which
    // 36 are hidden. Drain: 8 outputs = 64 bits, 16 cycles.
    expect(cost.cycles).toEqual({ compute: 35n, stall: 48n + 60n + 16n });
  });

  it('vanish but for fill and drain when DRAM is fast enough', () => {
    const array: SystolicArray = { rows: 16, columns: 16, dataflow: 'output-stationary' };
    const memory = { inputBits: 1e6, weightBits: 1e6, outputBits: 1e6, dramBitsPerCycle: 1e9 };
    expect(systolicCost(gemm(64, 64, 64), array, BYTES, memory).cycles.stall).toBe(2n);
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
