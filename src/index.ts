/** tapeout as a library: what the command line calls. */
export { type Checkpoint, openCheckpoint } from './checkpoint/index.ts';
export {
  type CostReport,
  costOf,
  findShape,
  loadWorkload,
  modelWorkload,
  prepareCost,
  type Workload,
} from './cost/index.ts';
export type { Arithmetic, DatapathPlan } from './datapath/index.ts';
export { InputError, type Place, RunError } from './errors.ts';
export {
  compare,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type GenerateTextOptions,
  type Generation,
  generateText,
  type LoadedModel,
  loadModel,
  type MetricOptions,
  type MetricResult,
  type Progress,
} from './evaluate/index.ts';
export {
  createFormat,
  FORMATS,
  type Format,
  findFormat,
  type Quantized,
  type QuantizeReport,
  quantize,
} from './formats/index.ts';
export { createKernels } from './kernels/index.ts';
export { loadMachine, type Machine, parseMachine } from './machine/index.ts';
export { type Entry, type Reproduction, reproduce } from './reproduce/index.ts';
export {
  type Combination,
  type PrecisionSearchOptions,
  type PrecisionSearchResult,
  type PrecisionSearchStep,
  readClasses,
  readVariation,
  type SearchOutcome,
  type SearchStep,
  SITE_CLASSES,
  type SiteClass,
  searchMachinePrecision,
  searchPrecision,
  type Variation,
} from './search/index.ts';
export {
  type FileQuantizeOptions,
  quantizeFile,
  type TensorReport,
  unpackFile,
} from './tensor-files/index.ts';
