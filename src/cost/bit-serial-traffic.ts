import { InputError } from '../errors.ts';
import type { BitSerialArray } from './bit-serial.ts';
import type { OperandBits, Traffic, WorkloadGemm } from './contract.ts';
import { ceilDivide } from './exact.ts';

/** SRAM capacities in bits. Both are double-buffered: one half works, the other is filled (assumed). */
export interface BitSerialMemory {
  activationBits: number;
  weightBits: number;
  /** Left out: stalls are not modelled. */
  dramBitsPerCycle?: number;
}

/**
 * Bits that a GEMM moves. Anda's paper draws the buffers and gives their sizes, not the loops; these are assumed:
 *
 * SRAM: a tile reads its rows of activations and its columns of weights over all of k, so activations are read
 * ceil(n / columns) times and weights ceil(m / rows) times. What comes from DRAM is written once each time it comes.
 * Outputs go through the activation buffer: written, and read to leave for DRAM.
 *
 * DRAM, whichever reads less, the first of them on a tie:
 * 1. a block of rows stays (all of k, as many whole tiles as half of the buffer holds): activations once, weights once a
 *    block;
 * 2. a block of columns stays: weights once, activations once a block;
 * 3. nothing stays: activations once a column of tiles, weights once a row of tiles.
 * Outputs once.
 *
 * @throws InputError if half a buffer does not hold one group for each row or column of a tile.
 */
export function bitSerialTraffic(
  gemm: WorkloadGemm,
  array: BitSerialArray,
  stored: OperandBits,
  memory: BitSerialMemory,
): Traffic {
  positive('activation buffer, bits', memory.activationBits);
  positive('weight buffer, bits', memory.weightBits);
  const groups = ceilDivide(BigInt(gemm.k), BigInt(array.group));
  const input = side(
    gemm.m,
    array.rows,
    groups,
    groupBits('input', stored.input, array),
    memory.activationBits,
  );
  const weight = side(
    gemm.n,
    array.columns,
    groups,
    groupBits('weight', stored.weight, array),
    memory.weightBits,
  );
  requireRoom('activation', input, array);
  requireRoom('weight', weight, array);

  const schedules = [{ input: input.matrix * weight.tiles, weight: weight.matrix * input.tiles }];
  if (weight.blocks !== undefined)
    schedules.unshift({ input: input.matrix * weight.blocks, weight: weight.matrix });
  if (input.blocks !== undefined)
    schedules.unshift({ input: input.matrix, weight: weight.matrix * input.blocks });
  const best = schedules.reduce((a, b) => (b.input + b.weight < a.input + a.weight ? b : a));

  const count = BigInt(gemm.count);
  positive('bits of the output', stored.output);
  const outputs = ceilBits(BigInt(gemm.m) * BigInt(gemm.n), stored.output, array.group);
  const dramReads = best.input + best.weight;
  return {
    sramReads: count * (input.matrix * weight.tiles + weight.matrix * input.tiles + outputs),
    sramWrites: count * (dramReads + outputs),
    dramReads: count * dramReads,
    dramWrites: count * outputs,
  };
}

/** Whole cycles that DRAM needs for a traffic; undefined without a bandwidth. */
export function dramCycles(traffic: Traffic, bitsPerCycle: number | undefined): bigint | undefined {
  if (bitsPerCycle === undefined) return undefined;
  positive('DRAM, bits a cycle', bitsPerCycle);
  // A millionth of a bit a cycle is finer than any bandwidth is known.
  const scale = 1_000_000n;
  const perCycle = BigInt(Math.max(1, Math.round(bitsPerCycle * Number(scale))));
  return ceilDivide((traffic.dramReads + traffic.dramWrites) * scale, perCycle);
}

interface Side {
  /** Of the whole operand. */
  matrix: bigint;
  /** Of one group in each row (or column) of a tile. */
  slice: bigint;
  half: bigint;
  tiles: bigint;
  /** Blocks that half of the buffer holds one of; undefined if it does not hold the rows of one tile. */
  blocks: bigint | undefined;
}

function side(length: number, tile: number, groups: bigint, bits: bigint, capacity: number): Side {
  const [size, whole] = [BigInt(length), BigInt(tile)];
  const half = BigInt(Math.floor(capacity / 2));
  const used = size < whole ? size : whole;
  const fits = half / (groups * bits);
  // Whole tiles only; a matrix that fits in one piece need not be.
  const block = fits >= size ? size : fits - (fits % whole);
  return {
    matrix: size * groups * bits,
    slice: used * bits,
    half,
    tiles: ceilDivide(size, whole),
    blocks: block === 0n ? undefined : ceilDivide(size, block),
  };
}

/** Bits of a group: whole, because its shared exponent or scale lies beside it. */
function groupBits(operand: string, bitsPerElement: number, { group }: BitSerialArray): bigint {
  positive(`bits of the ${operand}`, bitsPerElement);
  return BigInt(Math.ceil(bitsPerElement * group));
}

function ceilBits(elements: bigint, bitsPerElement: number, group: number): bigint {
  return ceilDivide(elements * BigInt(Math.ceil(bitsPerElement * group)), BigInt(group));
}

function positive(what: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    throw new InputError(`${what}: expected a positive number, found ${value}`);
}

function requireRoom(buffer: string, { slice, half }: Side, { group }: BitSerialArray): void {
  if (slice <= half) return;
  throw new InputError(
    `${buffer} buffer: a tile takes groups of ${group}, ${slice} bits at once; half of the double buffer has ${half}: ` +
      `${slice - half} bits too few`,
    { note: `give the ${buffer} buffer at least ${2n * slice} bits, or the array fewer rows or columns` },
  );
}
