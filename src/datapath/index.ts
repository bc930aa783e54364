/**
 * How a machine computes a GEMM: encode, multiply, decode. One file a kind of arithmetic.
 *
 * May import model (its sites and the Datapath interface), formats, kernels, tensor.
 */
export { type Calibration, CalibrationDatapath } from './calibration.ts';
export { createDatapath } from './machine-datapath.ts';
export { WeightErrors, widenWorst } from './mixed.ts';
export {
  type Arithmetic,
  arithmeticAt,
  type DatapathPlan,
  isReference,
  needsCalibration,
  REFERENCE_PLAN,
  sameWeights,
  wantsOf,
} from './plan.ts';
export { accumulatorOf } from './product.ts';
export type { Wants } from './statistics.ts';
