import { InputError } from '../errors.ts';
import { type BitSerialMemory, bitSerialTraffic, dramCycles } from './bit-serial-traffic.ts';
import type { ArrayCost, OperandBits, WorkloadGemm } from './contract.ts';
import { ceilDivide, max } from './exact.ts';

/*
 * Arrays of processing elements that each take a group of the reduction axis at a time: Anda's, and what it is compared
 * with. Sources: Anda (HPCA 2025, arXiv 2411.15982), sections IV-B and IV-D, Fig. 15; iFPU (ICLR 2023); FIGNA (HPCA 2024).
 *
 * Output-stationary: element (i, j) adds up output (i, j) of a tile of rows x columns outputs over all groups of k, then
 * hands it to the vector unit. A group that k does not fill is padded with zeros (the papers leave tails open).
 */

/** How an element works through a group of activations times integer weights. */
export type ElementKind =
  /**
   * Anda's APU: sign and exponent are latched in one cycle, then one bit plane of the mantissas a cycle goes through the
   * adder tree: M + 1 cycles a group (section IV-B; the printed efficiencies are k / (M + 1)).
   */
  | { kind: 'activation-serial'; setupCycles: number; weightBits: number }
  /** iFPU: one bit plane of the weights at a time; a group takes cyclesPerBit for each bit of them. */
  | { kind: 'weight-serial'; cyclesPerBit: number }
  /**
   * All bits of a few elements at once. A weight may be a floating-point number (FP-FP) or an integer of up to
   * weightBits bits (FP-INT, FIGNA).
   */
  | { kind: 'bit-parallel'; cyclesPerGroup: number; weightBits: number | 'float' };

export interface BitSerialArray {
  name: string;
  rows: number;
  columns: number;
  /** Elements of the reduction axis that an element takes at a time. */
  group: number;
  element: ElementKind;
}

/** What a GEMM's operands are on the array and in memory. */
export interface BitSerialOperands {
  /** Mantissa bits of an activation, hidden bit included: 1 to 16. Only an activation-serial array's time depends on it. */
  mantissa: number;
  /** Bits of a weight as it is multiplied. */
  weight: number;
  /** As they lie in memory; bits.input of Anda is 1 + M + 5/64. */
  stored: OperandBits;
}

/** Cycles that an element is busy with one group. */
export function groupCycles({ name, element }: BitSerialArray, operands: BitSerialOperands): bigint {
  switch (element.kind) {
    case 'activation-serial':
      checkWeight(name, operands.weight, element.weightBits);
      wholeNumber('mantissa bits', operands.mantissa, 16);
      return BigInt(operands.mantissa + element.setupCycles);
    case 'weight-serial':
      wholeNumber('weight bits', operands.weight, 16);
      return BigInt(operands.weight * element.cyclesPerBit);
    case 'bit-parallel':
      if (element.weightBits !== 'float') checkWeight(name, operands.weight, element.weightBits);
      return BigInt(element.cyclesPerGroup);
  }
}

/**
 * Cycles and traffic of one GEMM (all its `count` together).
 *
 * compute = count * ceil(m / rows) * ceil(n / columns) * ceil(k / group) * cycles a group. Activations are shared along a
 * row and weights broadcast along a column (section IV-D), so no element waits for its neighbour; weights are
 * double-buffered (section IV-B), and outputs leave while the next tile computes (assumed). A vector (m = 1) keeps one row
 * busy.
 *
 * stall = what DRAM needs beyond the compute cycles. A memory's buffers are halved, so that one half fills while the
 * other works; filling the first one is not counted (it overlaps with the GEMM before). Undefined without a bandwidth.
 *
 * @throws InputError for a dimension that is not a whole positive number, an operand that the elements cannot multiply,
 * or a buffer that does not hold what the array takes at once.
 */
export function bitSerialCost(
  gemm: WorkloadGemm,
  array: BitSerialArray,
  operands: BitSerialOperands,
  memory?: BitSerialMemory,
): ArrayCost {
  for (const key of ['m', 'k', 'n', 'count'] as const) wholeNumber(`${gemm.site}: ${key}`, gemm[key]);
  for (const key of ['rows', 'columns', 'group'] as const) wholeNumber(`${array.name}: ${key}`, array[key]);
  if (!gemm.weight && !multipliesActivations(array)) {
    throw new InputError(
      `${gemm.site}: ${array.name} multiplies activations by integer weights, found a product of two activations`,
      { note: 'cost the attention products on an array of floating-point elements' },
    );
  }

  const [m, k, n, count] = [BigInt(gemm.m), BigInt(gemm.k), BigInt(gemm.n), BigInt(gemm.count)];
  const [rows, columns, group] = [BigInt(array.rows), BigInt(array.columns), BigInt(array.group)];
  const cycles = groupCycles(array, operands);
  const tiles = { rows: ceilDivide(m, rows), columns: ceilDivide(n, columns), groups: ceilDivide(k, group) };
  const compute = count * tiles.rows * tiles.columns * tiles.groups * cycles;

  const traffic = memory && bitSerialTraffic(gemm, array, operands.stored, memory);
  const dram = traffic && dramCycles(traffic, memory?.dramBitsPerCycle);
  const stall = dram === undefined ? undefined : max(0n, dram - compute);
  // A multiplication occupies cycles / group of an element.
  const useful = Number(m * n * k * count * cycles) / array.group;
  return {
    cycles: { compute, stall },
    utilization: useful / Number(rows * columns * (compute + (stall ?? 0n))),
    traffic,
  };
}

/** Only floating-point elements take an activation in a weight's place. */
export function multipliesActivations({ element }: BitSerialArray): boolean {
  return element.kind === 'bit-parallel' && element.weightBits === 'float';
}

function checkWeight(array: string, found: number, most: number): void {
  wholeNumber('weight bits', found, 16);
  if (found > most) {
    throw new InputError(`${array}: expected weights of at most ${most} bits, found ${found}`, {
      note: 'quantise the weights further, or choose an array with wider multipliers',
    });
  }
}

function wholeNumber(what: string, value: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  const range =
    most === Number.MAX_SAFE_INTEGER ? 'a whole number of at least 1' : `a whole number from 1 to ${most}`;
  throw new InputError(`${what}: expected ${range}, found ${value}`);
}
