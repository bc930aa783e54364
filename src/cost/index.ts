/**
 * What a machine costs: workloads from a model's shape, arrays (cycles, traffic), memories and technology (energy, area).
 * Works from a configuration alone, without weights. May import machine/, datapath/plan.ts, model/, formats/, tensor/ and
 * errors.ts.
 */
export type * from './contract.ts';
export * from './fused/index.ts';
export { type Gpu, type GpuCost, type GpuKernel, gpuCost, RTX_2080_TI } from './gpu.ts';
