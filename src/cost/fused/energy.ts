import type { Constant, Energy } from '../contract.ts';
import type { FusedArray, FusedMemory } from './array.ts';
import type { FusedCost } from './fused.ts';

export interface FusedPower {
  /** Hz. */
  frequency: Constant;
  /** mW that flow in every cycle, whatever happens. */
  static: Constant;
  /** nW of one multiplier, in every cycle. */
  multiplierLeakage: Constant;
  /** nW of one multiplier at `frequency`, in compute cycles. */
  multiplierDynamic: Constant;
}

/**
 * Picojoules. Compute: (total cycles · leakage + compute cycles · dynamic) · multipliers; buffers and DRAM: bits · energy
 * a bit; static: total cycles · power. Source: ANT's public simulator, stats.py, get_energy_breakdown.
 */
export function fusedEnergy(
  cost: FusedCost,
  { rows, columns }: FusedArray,
  memory: FusedMemory,
  power: FusedPower,
): Energy {
  const compute = Number(cost.cycles.compute);
  const total = Number(cost.cycles.compute + cost.cycles.stall);
  const multipliers = rows * columns;
  const picosecond = 1e12 / power.frequency.value;
  const { accessEnergy } = memory;
  const { dramReads, dramWrites } = cost.traffic;

  const access = (part: keyof typeof accessEnergy, { reads, writes }: { reads: bigint; writes: bigint }) =>
    Number(reads) * accessEnergy[part].read.value + Number(writes) * accessEnergy[part].write.value;
  return {
    compute:
      multipliers *
      picosecond *
      1e-9 *
      (total * power.multiplierLeakage.value + compute * power.multiplierDynamic.value),
    sram:
      access('weight', cost.buffers.weight) +
      access('input', cost.buffers.input) +
      access('output', cost.buffers.output),
    dram: access('dram', { reads: dramReads, writes: dramWrites }),
    static: total * picosecond * 1e-3 * power.static.value,
    protection: undefined,
    recovery: undefined,
  };
}
