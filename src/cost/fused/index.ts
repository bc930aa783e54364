/** Fused-precision systolic arrays (BitFusion, ANT, OliVe) with their tiling search: cycles, traffic, energy. */
export type { FusedArray, FusedMemory } from './array.ts';
export { type FusedPower, fusedEnergy } from './energy.ts';
export { type FusedCost, fusedCost } from './fused.ts';
export { OLIVE_ARRAYS, OLIVE_MEMORY, OLIVE_POWER, OUTPUT_BITS } from './presets.ts';
export type { LoopOrder, Tiling } from './price.ts';
