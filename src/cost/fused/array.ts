import { InputError } from '../../errors.ts';
import type { Constant, OperandBits } from '../contract.ts';

/**
 * A systolic array whose multipliers split or fuse to the width of their operands: a multiplier of maxBits × maxBits
 * does floor(maxBits / a) · floor(maxBits / b) products of a × b bits in a cycle, never below minBits (BitFusion, ISCA
 * 2018; ANT, MICRO 2022; OliVe, ISCA 2023).
 */
export interface FusedArray {
  /** Multipliers along the input rows (output stationary) or along K (weight stationary). */
  rows: number;
  /** Along the output channels. */
  columns: number;
  dataflow: 'output-stationary' | 'weight-stationary';
  /** Operand width of one whole multiplier. */
  maxBits: number;
  /** Narrowest width that it splits to. */
  minBits: number;
}

/** Each buffer is split in two halves (double buffering): a tile lives in one of them. */
export interface FusedMemory {
  /** Bytes, both halves together. */
  weightBytes: number;
  inputBytes: number;
  outputBytes: number;
  /** Bits a cycle to and from DRAM. */
  dramBitsPerCycle: number;
  /** Of a bit moved; the tiling search breaks ties by it. */
  accessEnergy: Record<'weight' | 'input' | 'output' | 'dram', AccessEnergy>;
}

export interface AccessEnergy {
  /** pJ/bit. */
  read: Constant;
  write: Constant;
}

/** Products along the rows and the columns that one multiplier does in a cycle. */
export interface Splits {
  input: number;
  weight: number;
}

/**
 * Operands wider than a multiplier are refused. What is stored beside the elements (shared scales, less than a bit an
 * element) is moved but not multiplied, so an element has the whole part of its stored bits.
 */
export function splits(array: FusedArray, bits: OperandBits): Splits {
  return { input: split(array, bits.input, 'input'), weight: split(array, bits.weight, 'weight') };
}

function split({ maxBits, minBits }: FusedArray, stored: number, operand: string): number {
  const bits = Math.floor(stored);
  if (bits > maxBits || bits < 1) {
    throw new InputError(
      `${operand} of ${stored} bits: the array multiplies operands of ${minBits} to ${maxBits} bits`,
      { note: `choose a format of at most ${maxBits} bits, or an array with wider multipliers` },
    );
  }
  return Math.floor(maxBits / Math.max(bits, minBits));
}

export function checkFusedArray({ rows, columns, maxBits, minBits }: FusedArray): void {
  for (const [key, value] of Object.entries({ rows, columns, maxBits, minBits })) {
    checkCount(key, value);
  }
  if (minBits > maxBits) {
    throw new InputError(`minBits ${minBits} is above maxBits ${maxBits}`, { place: { key: 'minBits' } });
  }
}

export function checkFusedMemory(memory: FusedMemory): void {
  const { weightBytes, inputBytes, outputBytes, dramBitsPerCycle } = memory;
  for (const [key, value] of Object.entries({ weightBytes, inputBytes, outputBytes, dramBitsPerCycle })) {
    checkCount(key, value);
  }
  for (const [key, { read, write }] of Object.entries(memory.accessEnergy)) {
    for (const { value, unit } of [read, write]) {
      if (!(value >= 0 && unit === 'pJ/bit')) {
        throw new InputError(`expected pJ/bit of at least 0, found ${value} ${unit}`, {
          place: { key: `accessEnergy.${key}` },
        });
      }
    }
  }
}

export function checkCount(key: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value > 0)) {
    throw new InputError(`expected a whole number above 0, found ${value}`, { place: { key } });
  }
}
