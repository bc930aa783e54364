/**
 * What a machine costs: workloads from a model's shape, arrays (cycles, traffic), memories and technology (energy, area).
 * Works from a configuration alone, without weights. May import machine/, datapath/plan.ts, model/, formats/, kernels/, checkpoint/, tensor/ and
 * errors.ts.
 */

export { ARRAY_MODELS, type ArrayModel } from './array-model.ts';
export {
  type BitSerialArray,
  type BitSerialOperands,
  bitSerialCost,
  type ElementKind,
  groupCycles,
  multipliesActivations,
} from './bit-serial.ts';
export {
  BIT_SERIAL_MACHINE_NAMES,
  BIT_SERIAL_MACHINES,
  type BitSerialMachine,
  type BitSerialMachineName,
} from './bit-serial-machines.ts';
export { type BitSerialSystem, bitSerialSystem, systemArea } from './bit-serial-system.ts';
export type { BitSerialMemory } from './bit-serial-traffic.ts';
export type * from './contract.ts';
export { costOf } from './cost.ts';
export { type CostMachine, prepareCost, scaleSimMachine } from './cost-machine.ts';
export * from './fused/index.ts';
export { type Gpu, type GpuCost, type GpuKernel, gpuCost, RTX_2080_TI } from './gpu.ts';
export { loadWorkload, type WorkloadSource } from './load-workload.ts';
export {
  type ProtectedArray,
  type ProtectionCost,
  type ProtectionKind,
  protectionCost,
} from './protection.ts';
export { type ErrorRateTable, errorRate, type OperatingCost, operatingCost } from './recovery.ts';
export type { AreaReport, CostReport, Cycles, EnergyReport, Roofline, SiteCost } from './report.ts';
export {
  loadScaleSimConfig,
  loadTopology,
  parseScaleSimConfig,
  parseTopology,
  type ScaleSimConfig,
  type ScaleSimReport,
  scaleSimReport,
  type Topology,
} from './scale-sim/index.ts';
export { findShape, SHAPES, type Shape } from './shapes/index.ts';
export { type Sweep, type SweepPoint, sweep, sweepCsv, sweepSvg } from './sweep/index.ts';
export {
  type Dataflow,
  type OperandTraffic,
  type SystolicArray,
  type SystolicCost,
  type SystolicGemm,
  type SystolicMemory,
  systolicCost,
} from './systolic/index.ts';
export { modelWorkload, tokensOf, type WorkloadOptions } from './workload.ts';
