/**
 * What multiplies, and the elementwise work around it: WebAssembly SIMD kernels (`assembly/`) and ONNX Runtime behind
 * two interfaces, Kernels and Gemm. How numbers are encoded, scaled, corrupted or checked is not known here.
 *
 * May import `tensor/` and `errors.ts` only.
 */
export { createGemm } from './create-gemm.ts';
export type { Gemm } from './gemm.ts';
export type { GroupGemm, ScaledMatrix } from './group-gemm.ts';
export { sumsAreExact } from './group-gemm.ts';
export { createGroupGemm } from './group-gemm-webassembly.ts';
export type { Kernels } from './kernels.ts';
export { compileKernels } from './module.ts';
export { type OutlierProducts, type SplitRows, type SplitWeight, WEIGHT_PANEL } from './outlier-products.ts';
export { createOutlierProducts } from './outlier-products-webassembly.ts';
export { createKernels } from './webassembly.ts';
