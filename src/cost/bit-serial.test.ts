import { describe, expect, test } from 'vitest';
import { InputError } from '../errors.ts';
import { type BitSerialArray, type BitSerialOperands, bitSerialCost } from './bit-serial.ts';
import { BIT_SERIAL_MACHINES } from './bit-serial-machines.ts';
import type { WorkloadGemm } from './contract.ts';

const STORED = { input: 16, weight: 4, output: 16 };

function gemm(m: number, k: number, n: number, count = 1): WorkloadGemm {
  return { site: 'fc1', m, k, n, count, weight: true };
}

function operands(mantissa: number, weight = 4): BitSerialOperands {
  return { mantissa, weight, stored: STORED };
}

/** Numbers that look random, the same every time: 0 to `most` - 1. */
function sequence(most: number): () => number {
  let state = 12345;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % most;
  };
}

/**
 * The APU array clock by clock: each cycle one step (the latch of the signs, or a bit plane of the mantissas) of one group
 * is broadcast to all APUs, which add their signed plane to twice their partial sum and hand over at the group's end.
 * Returns the outputs and the number of cycles.
 */
function simulate(a: number[][], b: number[][], { rows, columns, group }: BitSerialArray, mantissa: number) {
  const [m, k, n] = [a.length, b.length, b[0]!.length];
  const output = a.map(() => new Array<number>(n).fill(0));
  let cycles = 0;
  let [top, left, first, step] = [0, 0, 0, 0];
  let partial: number[][] = [];
  while (top < m) {
    cycles++;
    if (step === 0) partial = Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
    else
      for (let i = 0; i < Math.min(rows, m - top); i++)
        for (let j = 0; j < Math.min(columns, n - left); j++) {
          let plane = 0;
          for (let e = first; e < Math.min(first + group, k); e++) {
            const value = a[top + i]![e]!;
            const bit = (Math.abs(value) >> (mantissa - step)) & 1;
            plane += Math.sign(value) * bit * b[e]![left + j]!;
          }
          partial[i]![j] = partial[i]![j]! * 2 + plane;
          if (step === mantissa) output[top + i]![left + j]! += partial[i]![j]!;
        }
    // The counters of the controller: steps, groups, columns of tiles, rows of tiles.
    if (++step <= mantissa) continue;
    step = 0;
    first += group;
    if (first < k) continue;
    first = 0;
    left += columns;
    if (left < n) continue;
    left = 0;
    top += rows;
  }
  return { output, cycles };
}

describe("Anda's array", () => {
  test('agrees with its registers, clock by clock, in cycles and in the products', () => {
    const random = sequence(1000);
    const cases = [
      [5, 20, 7, 4, 4, 8, 3],
      [8, 16, 8, 4, 4, 8, 5],
      [1, 33, 6, 2, 3, 8, 1],
      [9, 8, 1, 4, 2, 8, 4],
      [3, 5, 2, 4, 4, 16, 6],
    ] as const;
    for (const [m, k, n, rows, columns, group, mantissa] of cases) {
      const array: BitSerialArray = { ...BIT_SERIAL_MACHINES.anda.array, rows, columns, group };
      const a = Array.from({ length: m }, () =>
        Array.from({ length: k }, () => (random() % (2 ** (mantissa + 1) - 1)) - (2 ** mantissa - 1)),
      );
      const b = Array.from({ length: k }, () => Array.from({ length: n }, () => (random() % 16) - 8));
      const { output, cycles } = simulate(a, b, array, mantissa);
      const products = a.map((row) =>
        b[0]!.map((_, j) => row.reduce((sum, value, e) => sum + value * b[e]![j]!, 0)),
      );
      expect(output).toEqual(products);
      expect(bitSerialCost(gemm(m, k, n), array, operands(mantissa)).cycles.compute).toBe(BigInt(cycles));
    }
  });

  test('a group of 64 takes M + 1 cycles, a baseline 16', () => {
    const { anda, ifpu, figna } = BIT_SERIAL_MACHINES;
    expect(bitSerialCost(gemm(16, 64, 16), anda.array, operands(7)).cycles.compute).toBe(8n);
    expect(bitSerialCost(gemm(16, 64, 16), figna.array, operands(7)).cycles.compute).toBe(16n);
    expect(bitSerialCost(gemm(16, 64, 16), ifpu.array, operands(7, 4)).cycles.compute).toBe(16n);
    expect(bitSerialCost(gemm(16, 64, 16), ifpu.array, operands(7, 2)).cycles.compute).toBe(8n);
    // 17 rows are two tiles, 65 elements two groups.
    expect(bitSerialCost(gemm(17, 65, 16, 3), anda.array, operands(7)).cycles.compute).toBe(
      3n * 2n * 2n * 8n,
    );
  });

  test('a vector keeps one row busy', () => {
    const { utilization, cycles } = bitSerialCost(
      gemm(1, 4096, 4096),
      BIT_SERIAL_MACHINES.anda.array,
      operands(5),
    );
    expect(cycles.compute).toBe(256n * 64n * 6n);
    expect(utilization).toBe(1 / 16);
    expect(cycles.stall).toBeUndefined();
  });

  test('cycles stay exact beyond 2^53', () => {
    const size = 2 ** 40;
    const { compute } = bitSerialCost(
      gemm(size, size, 16),
      BIT_SERIAL_MACHINES.anda.array,
      operands(4),
    ).cycles;
    expect(compute).toBe(2n ** 36n * 2n ** 34n * 5n);
  });
});

describe('traffic', () => {
  const array = BIT_SERIAL_MACHINES.anda.array;

  test('operands that fit are read once', () => {
    const memory = { activationBits: 2 ** 30, weightBits: 2 ** 30, dramBitsPerCycle: 1000 };
    const { traffic } = bitSerialCost(gemm(32, 128, 48), array, operands(5), memory);
    const [input, weight, output] = [32n * 128n * 16n, 128n * 48n * 4n, 32n * 48n * 16n];
    expect(traffic).toEqual({
      sramReads: input * 3n + weight * 2n + output,
      sramWrites: input + weight + output,
      dramReads: input + weight,
      dramWrites: output,
    });
  });

  test('a block of rows stays, and the weights come again for each', () => {
    // Half of the buffer holds 16 rows of 128 FP16 activations, and 8 columns of weights: less than a tile.
    const memory = { activationBits: 2 * 16 * 128 * 16, weightBits: 2 * 8 * 128 * 4 };
    const { traffic } = bitSerialCost(gemm(64, 128, 64), array, operands(5), memory);
    expect(traffic!.dramReads).toBe(64n * 128n * 16n + 4n * 64n * 128n * 4n);
  });

  test('shared exponents lie beside their group: a tail takes a whole one', () => {
    const memory = { activationBits: 2 ** 30, weightBits: 2 ** 30 };
    const stored = { input: 1 + 5 + 5 / 64, weight: 4, output: 16 };
    const { traffic } = bitSerialCost(gemm(1, 65, 1), array, { mantissa: 5, weight: 4, stored }, memory);
    expect(traffic!.dramReads).toBe(2n * (64n * 6n + 5n) + 2n * 64n * 4n);
  });

  test('stalls are what DRAM needs beyond the computation', () => {
    const memory = { activationBits: 2 ** 30, weightBits: 2 ** 30, dramBitsPerCycle: 2.5 };
    const { cycles, traffic } = bitSerialCost(gemm(1, 64, 16), array, operands(5), memory);
    const bits = Number(traffic!.dramReads + traffic!.dramWrites);
    expect(cycles.compute).toBe(6n);
    expect(cycles.stall).toBe(BigInt(Math.ceil(bits / 2.5)) - 6n);
  });
});

describe('bad input', () => {
  const { anda, figna } = BIT_SERIAL_MACHINES;
  test.each([
    [
      'a dimension of 0',
      () => bitSerialCost(gemm(0, 64, 16), anda.array, operands(5)),
      /fc1: m: expected a whole number/,
    ],
    ['a fraction', () => bitSerialCost(gemm(1, 64.5, 16), anda.array, operands(5)), /fc1: k: .* found 64.5/],
    [
      '17 mantissa bits',
      () => bitSerialCost(gemm(1, 64, 16), anda.array, operands(17)),
      /from 1 to 16, found 17/,
    ],
    [
      'INT8 weights',
      () => bitSerialCost(gemm(1, 64, 16), figna.array, operands(5, 8)),
      /at most 4 bits, found 8/,
    ],
    [
      'attention on integer weights',
      () => bitSerialCost({ ...gemm(1, 64, 16), site: 'qk', weight: false }, anda.array, operands(5)),
      /qk: anda multiplies activations by integer weights/,
    ],
    [
      'a buffer that is too small',
      () =>
        bitSerialCost(gemm(16, 64, 16), anda.array, operands(5), {
          activationBits: 2 ** 14,
          weightBits: 2 ** 20,
        }),
      /activation buffer: .* 16384 bits at once; half of the double buffer has 8192: 8192 bits too few/,
    ],
    [
      'no bandwidth',
      () =>
        bitSerialCost(gemm(16, 64, 16), anda.array, operands(5), {
          activationBits: 2 ** 20,
          weightBits: 2 ** 20,
          dramBitsPerCycle: 0,
        }),
      /DRAM, bits a cycle: expected a positive number, found 0/,
    ],
    [
      'a buffer of no size',
      () =>
        bitSerialCost(gemm(16, 64, 16), anda.array, operands(5), {
          activationBits: Number.NaN,
          weightBits: 2 ** 20,
        }),
      /activation buffer, bits: expected a positive number, found NaN/,
    ],
  ])('%s', (_, run, message) => {
    expect(run).toThrow(InputError);
    expect(run).toThrow(message);
  });
});
