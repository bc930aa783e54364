/**
 * What a machine costs: workloads from a model's shape, arrays (cycles, traffic), memories and technology (energy, area).
 * Works from a configuration alone, without weights. May import machine/, datapath/plan.ts, model/, formats/, tensor/ and
 * errors.ts.
 */
export type * from './contract.ts';
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
export {
  type Dataflow,
  type OperandTraffic,
  type SystolicArray,
  type SystolicCost,
  type SystolicGemm,
  type SystolicMemory,
  systolicCost,
} from './systolic/index.ts';
export * from './fused/index.ts';
