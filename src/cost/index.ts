/**
 * What a machine costs: workloads from a model's shape, arrays (cycles, traffic), memories and technology (energy, area).
 * Works from a configuration alone, without weights. May import machine/, datapath/ (its plan), model/, formats/, kernels/,
 * checkpoint/, tensor/ and errors.ts.
 */
export { type CostComparison, type CostMeasure, compareCosts, type MachineCost } from './compare-costs.ts';
export type * from './contract.ts';
export { costOf } from './cost.ts';
export { type CostMachine, prepareCost, scaleSimMachine } from './cost-machine.ts';
export * from './fused/index.ts';
export { type GpuKernel, gpuCost, RTX_2080_TI } from './gpu.ts';
export { loadWorkload } from './load-workload.ts';
export type { CostReport, SiteCost } from './report.ts';
export { loadScaleSimConfig } from './scale-sim/index.ts';
export { findShape } from './shapes/index.ts';
export { type Sweep, sweep, sweepCsv, sweepSvg } from './sweep/index.ts';
export {
  type Dataflow,
  type SystolicArray,
  systolicCost,
} from './systolic/index.ts';
export { modelWorkload, type WorkloadOptions } from './workload.ts';
