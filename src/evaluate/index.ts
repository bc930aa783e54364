/**
 * What a machine answers: data files, metrics, and the threads that run a model over them.
 *
 * May import machine, datapath, model, kernels, checkpoint, tensor.
 */
export { readDataset } from './data.ts';
export { compare, type EvaluateOptions, type Evaluation, evaluate, type Progress } from './evaluate.ts';
export { type LoadedModel, loadModel } from './load.ts';
export type { MetricOptions, ResultBase } from './metric.ts';
export { METRICS } from './metrics.ts';
export type { Backend } from './pool.ts';
export { type GenerateTextOptions, generateText } from './text.ts';
