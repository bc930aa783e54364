import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
