import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cyclesFor } from '../exact.ts';
import { Buffers } from './buffers.ts';
import { dramSchedule } from './dram.ts';
import { type Dataflow, type SystolicArray, type SystolicGemm, systolicCost } from './index.ts';
import { mapGemm } from './mapping.ts';

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
const _side = fc.integer({ min: 1, max: 16 });

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
          const schedule = dramSchedule(mapping, BYTES, 8, new Buffers(memory), BigInt(inputElements));
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

    it('OS: weights that do not fit cannot come ahead', () => {
      // 2 sweeps of one fold of 12 cycles. Fill: 20 inputs and 159 bits. First: 1 bit and 4 outputs, 4 cycles. Second: 20
      // weights, 16 cycles.
      const memory = { ...roomy, weightBits: 318, dramBitsPerCycle: 10 };
      const cost = systolicCost(gemm(2, 10, 4), square('output-stationary'), BYTES, memory);
      expect(cost.cycles).toEqual({ compute: 23n, stall: 32n + (16n - 12n) + 4n });
    });

    it('WS: no more is waited for than half of a buffer holds', () => {
      // One fold of 9 cycles. Fill: 50 of the 80 bits of inputs, 4 weights. Sweep: 30 bits. Drain: 10 outputs.
      const memory = { ...roomy, inputBits: 100, dramBitsPerCycle: 4 };
      const cost = systolicCost(gemm(5, 2, 2), square('weight-stationary'), BYTES, memory);
      expect(cost.cycles).toEqual({ compute: 8n, stall: 21n + 20n });
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
