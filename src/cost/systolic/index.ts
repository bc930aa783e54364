import { InputError } from '../../errors.ts';
import type { ArrayCost, OperandBits, WorkloadGemm } from '../contract.ts';
import { bitsOf, cyclesFor, max, ratio } from '../exact.ts';
import { Buffers, type SystolicMemory } from './buffers.ts';
import { type DramBits, type DramSchedule, dramSchedule } from './dram.ts';
import { arrayDemand, type Mapping, mapGemm, type SystolicArray } from './mapping.ts';

export type { SystolicMemory } from './buffers.ts';
export type { Dataflow, SystolicArray } from './mapping.ts';

/** Bits moved for one operand. */
export interface OperandTraffic {
  /** Towards the array, and on the way to DRAM. */
  sramReads: bigint;
  /** From DRAM, and from the array. */
  sramWrites: bigint;
  dramReads: bigint;
  dramWrites: bigint;
}

export interface SystolicCost extends ArrayCost {
  traffic: NonNullable<ArrayCost['traffic']>;
  /** Tiles of the array that one GEMM takes. */
  folds: bigint;
  /** Share of the processing elements that a fold gives work, averaged over the folds, 0..1. As in SCALE-Sim. */
  mappingEfficiency: number;
  operands: Record<'input' | 'weight' | 'output', OperandTraffic>;
}

/** A GEMM whose input matrix DRAM holds in fewer elements than m * k: a convolution's windows overlap. */
export interface SystolicGemm extends WorkloadGemm {
  /** For one of its `count`. */
  inputElements?: number;
}

/**
 * What a systolic array needs for a GEMM. A closed formula: its time does not depend on the sizes.
 *
 * - cycles.compute is SCALE-Sim's "total cycles" without stalls: folds x cycles of a fold - 1, because SCALE-Sim reports
 *   the index of the last cycle (from 0). `count` GEMMs are as many runs.
 * - cycles.stall is what the array waits for DRAM: for the first operands; in each sweep (all row folds of a column fold)
 *   what the transfers last longer than the sweep's computation; for the last outputs. Transfers keep the interface busy
 *   within a sweep. undefined without a bandwidth.
 * - utilization counts all cycles, the one that SCALE-Sim leaves out included, so it never exceeds 1.
 * - traffic without a memory: each operand crosses the DRAM interface once, as with SRAMs that hold everything.
 *
 * @throws InputError for sizes that are no positive whole numbers, and for a tile that fits no buffer.
 */
export function systolicCost(
  gemm: SystolicGemm,
  array: SystolicArray,
  bits: OperandBits,
  memory?: SystolicMemory,
): SystolicCost {
  check(gemm, array, bits, memory);
  const mapping = mapGemm(gemm, array);
  const { rowFolds, columnFolds, foldCycles, spatialRows, spatialColumns } = mapping;
  const partialBits = array.partialBits ?? bits.output;
  const stored =
    gemm.inputElements === undefined ? BigInt(gemm.m) * BigInt(gemm.k) : BigInt(gemm.inputElements);
  const schedule = inPlace(gemm, () => dramSchedule(mapping, bits, partialBits, new Buffers(memory), stored));
  const operands = operandTraffic(mapping, schedule.total, bits, partialBits, BigInt(gemm.count));
  const all = Object.values(operands);
  const sum = (key: keyof OperandTraffic) => all.reduce((total, operand) => total + operand[key], 0n);

  const count = BigInt(gemm.count);
  const folds = rowFolds * columnFolds;
  const cycles = folds * foldCycles;
  const bandwidth = memory?.dramBitsPerCycle;
  const stall =
    bandwidth === undefined
      ? undefined
      : stallCycles(mapping, schedule, (moved) => transferCycles(moved, bandwidth, memory?.dramPerOperand));
  const elements = mapping.rows * mapping.columns;
  const macs = BigInt(gemm.m) * BigInt(gemm.k) * BigInt(gemm.n);
  return {
    cycles: { compute: count * (cycles - 1n), stall: stall === undefined ? undefined : count * stall },
    utilization: ratio(macs, elements * (cycles + (stall ?? 0n))),
    traffic: {
      sramReads: sum('sramReads'),
      sramWrites: sum('sramWrites'),
      dramReads: sum('dramReads'),
      dramWrites: sum('dramWrites'),
    },
    folds,
    mappingEfficiency: ratio(spatialRows * spatialColumns, folds * elements),
    operands,
  };
}

/** Cycles that the array waits. Sweeps differ only at both ends, so four of them stand for all. */
function stallCycles(
  mapping: Mapping,
  schedule: DramSchedule,
  transfer: (moved: DramBits) => bigint,
): bigint {
  const { columnFolds } = mapping;
  const sweepCycles = mapping.rowFolds * mapping.foldCycles;
  const wait = (index: bigint) => max(0n, transfer(schedule.sweep(index)) - sweepCycles);
  let stall = transfer(schedule.fill) + transfer(schedule.drain) + wait(0n);
  if (columnFolds > 1n) stall += wait(columnFolds - 1n);
  if (columnFolds > 2n) stall += wait(columnFolds - 2n);
  if (columnFolds > 3n) stall += wait(1n) * (columnFolds - 3n);
  return stall;
}

function transferCycles(moved: DramBits, bitsPerCycle: number, perOperand = false): bigint {
  const outputs = moved.outputReads + moved.outputWrites;
  if (!perOperand) return cyclesFor(moved.input + moved.weight + outputs, bitsPerCycle);
  return cyclesFor(max(max(moved.input, moved.weight), outputs), bitsPerCycle);
}

/** SRAM and DRAM traffic of `count` GEMMs: what the array takes and gives, and the same bits on their way to DRAM. */
function operandTraffic(
  mapping: Mapping,
  dram: DramBits,
  bits: OperandBits,
  partialBits: number,
  count: bigint,
): SystolicCost['operands'] {
  const demand = arrayDemand(mapping);
  const partials = bitsOf(demand.partials, partialBits);
  const read = (operand: 'input' | 'weight'): OperandTraffic => {
    const taken = operand === mapping.left ? demand.left : demand.top;
    return {
      sramReads: count * bitsOf(taken, bits[operand]),
      sramWrites: count * dram[operand],
      dramReads: count * dram[operand],
      dramWrites: 0n,
    };
  };
  return {
    input: read('input'),
    weight: read('weight'),
    output: {
      sramReads: count * (partials + dram.outputWrites),
      sramWrites: count * (bitsOf(demand.outputs, bits.output) + partials + dram.outputReads),
      dramReads: count * dram.outputReads,
      dramWrites: count * dram.outputWrites,
    },
  };
}

function check(
  gemm: SystolicGemm,
  array: SystolicArray,
  bits: OperandBits,
  memory: SystolicMemory | undefined,
): void {
  const { m, k, n, count, inputElements = 1 } = gemm;
  for (const [name, value] of Object.entries({ m, k, n, count, inputElements })) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new InputError(`${name}: expected a positive whole number, found ${value}`, {
      place: { key: gemm.site },
    });
  }
  for (const name of ['rows', 'columns'] as const) {
    if (Number.isSafeInteger(array[name]) && array[name] > 0) continue;
    throw new InputError(`expected a positive whole number, found ${array[name]}`, {
      place: { key: `array.${name}` },
    });
  }
  const sizes = { ...bits, partialBits: array.partialBits, ...memory, dramPerOperand: undefined };
  for (const [name, value] of Object.entries(sizes)) {
    if (value === undefined || (Number.isFinite(value) && value > 0)) continue;
    throw new InputError(`expected a positive number, found ${value}`, { place: { key: name } });
  }
}

/** Says which GEMM an error is about. */
function inPlace<T>(gemm: WorkloadGemm, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.message, {
      place: { ...error.place, key: gemm.site },
      ...(error.note === undefined ? {} : { note: error.note }),
    });
  }
}
