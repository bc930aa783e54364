import type { ArrayCost, OperandBits, Traffic, WorkloadGemm } from '../contract.ts';
import {
  checkCount,
  checkFusedArray,
  checkFusedMemory,
  type FusedArray,
  type FusedMemory,
  splits,
} from './array.ts';
import { priceTiling, type Tiling, type TilingPrice } from './price.ts';
import { findTiling } from './search.ts';

export interface FusedCost extends ArrayCost {
  cycles: { compute: bigint; stall: bigint };
  /** Of one of the `count` products; each is tiled alike. */
  traffic: Traffic;
  /** Of one of the `count` products; each is tiled alike. */
  tiling: Tiling;
  /** Traffic's SRAM part by buffer, which differ in energy a bit. */
  buffers: TilingPrice['buffers'];
}

/** Searched once a shape, array, width and memory: a sweep asks for the same few again and again. */
const searched = new Map<string, { tiling: Tiling; price: TilingPrice }>();
/** Forgotten all at once when full: 1.6 kB each. */
const MOST_SEARCHED = 20_000;

/**
 * Cycles and traffic of a GEMM on a fused-precision systolic array, under the best tiling that the search finds. Pure;
 * throws InputError for sizes that are not whole numbers above 0, operands wider than the array's multipliers, and
 * buffers too small for the smallest tile.
 */
export function fusedCost(
  gemm: WorkloadGemm,
  array: FusedArray,
  bits: OperandBits,
  memory: FusedMemory,
): FusedCost {
  const { tiling, price } = searchedPrice(gemm, array, bits, memory);
  const { weight, input, output } = price.buffers;
  const count = BigInt(gemm.count);
  const cycles = { compute: price.cycles.compute * count, stall: price.cycles.stall * count };
  const split = splits(array, bits);
  const peak = array.rows * array.columns * split.input * split.weight;
  const total = Number(price.cycles.compute + price.cycles.stall);
  const times = ({ reads, writes }: { reads: bigint; writes: bigint }) => ({
    reads: reads * count,
    writes: writes * count,
  });
  return {
    cycles,
    utilization: (gemm.m * gemm.k * gemm.n) / (total * peak),
    traffic: {
      sramReads: (weight.reads + input.reads + output.reads) * count,
      sramWrites: (weight.writes + input.writes + output.writes) * count,
      dramReads: price.dram.reads * count,
      dramWrites: price.dram.writes * count,
    },
    tiling,
    buffers: { weight: times(weight), input: times(input), output: times(output) },
  };
}

function searchedPrice(gemm: WorkloadGemm, array: FusedArray, bits: OperandBits, memory: FusedMemory) {
  const { m, k, n, count } = gemm;
  const { rows, columns, dataflow, maxBits, minBits } = array;
  const { weightBytes, inputBytes, outputBytes, dramBitsPerCycle, accessEnergy } = memory;
  const energies = Object.values(accessEnergy).map(({ read, write }) => `${read.value} ${write.value}`);
  const key =
    `${m} ${k} ${n} ${rows} ${columns} ${dataflow} ${maxBits} ${minBits} ` +
    `${bits.input} ${bits.weight} ${bits.output} ${weightBytes} ${inputBytes} ${outputBytes} ` +
    `${dramBitsPerCycle} ${energies.join(' ')}`;
  checkCount('count', count);
  let result = searched.get(key);
  if (!result) {
    for (const [dimension, size] of Object.entries({ m, k, n })) checkCount(dimension, size);
    checkFusedArray(array);
    checkFusedMemory(memory);
    const tiling = findTiling(gemm, array, bits, memory);
    result = { tiling, price: priceTiling(gemm, tiling, array, bits, memory) };
    if (searched.size >= MOST_SEARCHED) searched.clear();
    searched.set(key, result);
  }
  return result;
}
