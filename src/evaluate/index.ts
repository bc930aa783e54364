/**
 * What a machine answers: data files, metrics, and the threads that run a model over them.
 *
 * May import machine, datapath, model, kernels, checkpoint, tensor.
 */
export {
  Comparison,
  compare,
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type Progress,
} from './evaluate.ts';
export { type LoadedModel, loadModel } from './load.ts';
export type { MetricOptions } from './metric.ts';
export type { MetricResult } from './metrics.ts';
export { type GenerateTextOptions, type Generation, generateText } from './text.ts';
