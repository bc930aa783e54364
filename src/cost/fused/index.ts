/** Fused-precision systolic arrays (BitFusion, ANT, OliVe) with their tiling search: cycles, traffic, energy. */
export type { FusedArray } from './array.ts';
export { fusedEnergy } from './energy.ts';
export { fusedCost } from './fused.ts';
export { OLIVE_ARRAYS, OLIVE_MEMORY, OLIVE_POWER, OUTPUT_BITS } from './presets.ts';
