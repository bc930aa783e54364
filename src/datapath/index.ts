/**
 * How a machine computes a GEMM: encode, multiply, decode. One file a kind of arithmetic.
 *
 * May import model (its sites and the Datapath interface), formats, kernels, tensor.
 */
export { type Calibration, CalibrationDatapath } from './calibration.ts';
export { createDatapath, needsCalibration } from './machine-datapath.ts';
export { type Arithmetic, type DatapathPlan, isReference, REFERENCE_PLAN, sameWeights } from './plan.ts';
