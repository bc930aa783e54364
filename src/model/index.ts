/**
 * Architectures, one file each, with every matrix product a named GEMM site. A model is written against the `Datapath`
 * interface, so that it knows nothing of formats, faults or machines.
 *
 * May import formats, kernels, checkpoint, tensor.
 */
export type { Architecture } from './architecture.ts';
export type { ModelConfig } from './config.ts';
export type {
  Attention,
  AttentionBlock,
  Datapath,
  Matrix,
  PreparedWeight,
  Projection,
  WeightMatrix,
} from './datapath.ts';
export { rowsOf } from './datapath.ts';
export { type GenerateOptions, generate } from './generate.ts';
export { WeightLoader } from './load-weights.ts';
export { describeModel, Model } from './model.ts';
export type { WeightPlan } from './plan.ts';
export { siteShapes } from './shapes.ts';
export { SITE_NAMES, type Site, type SiteName, siteId } from './site.ts';
export { type LayerWeights, type ResidentWeights, residentStore } from './weights.ts';
