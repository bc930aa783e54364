import {
  type FusedArray,
  fusedCost,
  fusedEnergy,
  OLIVE_ARRAYS,
  OLIVE_MEMORY,
  OLIVE_POWER,
  OUTPUT_BITS,
  type WorkloadGemm,
} from '../../cost/index.ts';
import type { EnergyParts } from './figures.ts';

/** What a workload costs on one of the arrays of Fig. 10. */
export interface Cost {
  cycles: bigint;
  /** Picojoules: static, DRAM, buffer, core. */
  energy: EnergyParts;
}

/** A GEMM and the width that its operands have. */
export type SizedGemm = WorkloadGemm & { bits: 4 | 8 };

export function withBits(gemms: readonly WorkloadGemm[], bits: 4 | 8): SizedGemm[] {
  return gemms.map((gemm) => ({ ...gemm, bits }));
}

export function costOn(arrayName: keyof typeof OLIVE_ARRAYS, gemms: readonly SizedGemm[]): Cost {
  const array: FusedArray = OLIVE_ARRAYS[arrayName];
  let cycles = 0n;
  let energy: EnergyParts = [0, 0, 0, 0];
  for (const { bits, ...gemm } of gemms) {
    const cost = fusedCost(gemm, array, { input: bits, weight: bits, output: OUTPUT_BITS }, OLIVE_MEMORY);
    const part = fusedEnergy(cost, array, OLIVE_MEMORY, OLIVE_POWER);
    cycles += cost.cycles.compute + cost.cycles.stall;
    energy = addParts(energy, [part.static!, part.dram!, part.sram!, part.compute!]);
  }
  return { cycles, energy };
}

export function total(energy: EnergyParts): number {
  return energy.reduce((sum, part) => sum + part, 0);
}

function addParts(a: EnergyParts, b: EnergyParts): EnergyParts {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]];
}
