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
      fc.property(
        long,
        long,
        long,
        anyArray,
        sizes,
        fc.integer({ min: 1, max: 8 }),
        (m, k, n, array, memory, overlap) => {
          const mapping = mapGemm(gemm(m, k, n), array);
          const inputElements = Math.ceil((m * k) / overlap);
          const schedule = dramSchedule(mapping, BYTES, 8, memory, BigInt(inputElements));
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
          const cost = systolicCost(gemm(m, k, n, { inputElements }), array, BYTES, memory);
          expect(cost.cycles.stall).toBe(stall);
          const busy = Number(mapping.columnFolds * sweepCycles + stall);
          expect(cost.utilization).toBeCloseTo((m * k * n) / (array.rows * array.columns * busy), 12);
          // No schedule is faster than the interface, or than the array.
          if (!memory.dramPerOperand) {
            const least = cyclesFor(
              cost.traffic.dramReads + cost.traffic.dramWrites,
              memory.dramBitsPerCycle,
            );
            expect(cost.cycles.compute + 1n + stall >= least).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  describe('by hand', () => {
    const roomy = { inputBits: 1e4, weightBits: 1e4, outputBits: 1e4 };
    const square = (dataflow: Dataflow): SystolicArray => ({ rows: 2, columns: 2, dataflow });

    it('WS: each fold has weights of its own', () => {
      // 3 folds of 4 x 4 weights, 2 inputs: 2 * 4 + 2 + 4 - 2 = 12 cycles each, 36 in the one sweep.
      const array: SystolicArray = { rows: 4, columns: 4, dataflow: 'weight-stationary' };
      const cost = systolicCost(gemm(2, 12, 4), array, BYTES, { ...roomy, dramBitsPerCycle: 4 });
      // Fill: 16 weights and 8 inputs = 192 bits. Sweep: 32 weights and 16 inputs = 384 bits, 96 cycles. Drain: 8 outputs.
      expect(cost.cycles).toEqual({ compute: 35n, stall: 48n + (96n - 36n) + 16n });
    });

    it('OS: the weights of the next sweep come during this one', () => {
      // 3 sweeps of one fold: 10 + 2 + 2 - 2 = 12 cycles; 20 weights and 4 outputs each, 20 inputs in all.
      const array = square('output-stationary');
      const cost = systolicCost(gemm(2, 10, 6), array, BYTES, { ...roomy, dramBitsPerCycle: 10 });
      // Fill: inputs and weights, 320 bits. Two sweeps bring 160 bits and take 32: 20 cycles. The third has nothing to do.
      expect(cost.cycles).toEqual({ compute: 35n, stall: 32n + 2n * (20n - 12n) + 4n });
    });

    it('OS: weights that do not fit come again for each row fold', () => {
      // 2 sweeps of 2 folds of 12 cycles; half of the weight buffer has 159 bits, a sweep's weights 160.
      const array = square('output-stationary');
      const memory = { ...roomy, weightBits: 318, dramBitsPerCycle: 10 };
      const cost = systolicCost(gemm(4, 10, 4), array, BYTES, memory);
      // Fill: 20 inputs and 159 bits. First sweep: 20 inputs, 161 bits of weights, 8 outputs = 385 bits. Second: 320 bits
      // of weights and 4 outputs = 352. Drain: 4 outputs.
      expect(cost.cycles).toEqual({ compute: 47n, stall: 32n + (39n - 24n) + (36n - 24n) + 4n });
    });

    it('WS: complete sums leave during the next sweep', () => {
      // 3 sweeps of 2 folds: 2 * 2 + 5 + 2 - 2 = 9 cycles each. A sweep: 8 weights and 10 outputs; 20 inputs in all.
      const array = square('weight-stationary');
      const cost = systolicCost(gemm(5, 4, 6), array, BYTES, { ...roomy, dramBitsPerCycle: 4 });
      // Fill: 10 inputs and 4 weights, 112 bits. Sweeps: 10 inputs and 4 weights, 112 bits; then 8 weights and 10 outputs,
      // 144 bits, twice. Drain: 10 outputs.
      expect(cost.cycles).toEqual({ compute: 53n, stall: 28n + (28n - 18n) + 2n * (36n - 18n) + 20n });
    });

    it('WS: partial sums that do not fit go to DRAM and back', () => {
      const array = square('weight-stationary');
      const memory = { ...roomy, outputBits: 158, dramBitsPerCycle: 4 };
      const cost = systolicCost(gemm(5, 4, 6), array, BYTES, memory);
      // As before, but each sweep writes 10 sums twice and reads them once, 240 bits; of the last, 79 bits are the drain.
      expect(cost.cycles.stall).toBe(28n + (88n - 18n) + (76n - 18n) + (57n - 18n) + 20n);
      // Fast enough for all sweeps but the first, 352 bits: its complete sums leave during itself.
      const faster = systolicCost(gemm(5, 4, 6), array, BYTES, { ...memory, dramBitsPerCycle: 18 });
      expect(faster.cycles.stall).toBe(7n + (20n - 18n) + 5n);
    });

    it('IS: each sweep has inputs of its own', () => {
      // 3 sweeps of one fold: 9 cycles; 4 inputs and 10 outputs each, 10 weights in all.
      const array = square('input-stationary');
      const cost = systolicCost(gemm(6, 2, 5), array, BYTES, { ...roomy, dramBitsPerCycle: 4 });
      // Fill: 10 weights, 4 inputs. Sweeps: 80 bits; 112 bits; 32 bits, which take less than the computation. Drain: 80.
      expect(cost.cycles).toEqual({ compute: 26n, stall: 28n + (20n - 9n) + (28n - 9n) + 20n });
    });

    it('with an interface for each operand: the slowest one counts', () => {
      const array = square('input-stationary');
      const memory = { ...roomy, dramBitsPerCycle: 4, dramPerOperand: true };
      // Weights 20 cycles to fill; outputs 20 cycles in both first sweeps, 20 to drain.
      expect(systolicCost(gemm(6, 2, 5), array, BYTES, memory).cycles.stall).toBe(
        20n + 2n * (20n - 9n) + 20n,
      );
    });

    it('at fractions of a bit a cycle', () => {
      expect(cyclesFor(10n, 2.5)).toBe(4n);
      expect(cyclesFor(11n, 2.5)).toBe(5n);
      expect(cyclesFor(10n, 0.1)).toBe(100n);
      expect(cyclesFor(3n, 2 ** 60)).toBe(1n);
      expect(cyclesFor(0n, 0.3)).toBe(0n);
    });
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
