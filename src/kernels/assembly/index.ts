// The WebAssembly module: pointers and lengths in, nothing allocated. One topic a file.

export { gelu, geluTanh, relu, silu, tanh } from './activation';
export { add, addRow, multiply, multiplyRow } from './arithmetic';
export { fewRows, fewTransposed } from './gemm-few-rows';
export { multiplyFloat32 } from './gemm-float32';
export { multiplyInt8 } from './gemm-int8';
export { groupAbsMax, groupRange, groupSquaredError, scaleGroups } from './groups';
export { mergeHeads, splitHeads, transpose, transposeBytes } from './layout';
export { layerNorm, rmsNorm } from './norm';
export { packCodes, packPairRows, packRows, packTransposed } from './pack';
export { dequantize, fakeQuantize, fakeQuantizeRows, quantize, quantizeRows } from './quantize';
export { absMax, argMax, columnAbsMax, divergenceSums, expSums, findNonFinite, rowAbsMax } from './reduce';
export { rope } from './rope';
export { roundFlushedFloats } from './round-flushed-floats';
export { roundIntegers } from './round-integers';
export { roundInsideToGrid, roundToBuckets, roundToSmallGrid } from './round-to-grid';
export { roundBfloat16, roundFloat16, roundTf32, widenBfloat16, widenFloat16 } from './rounding';
export { softmax } from './softmax';
export { sortFloats } from './sort';
export { prefixSums, squaredDeviations } from './sums';

/** First byte that the module itself does not use. */
export function heapBase(): usize {
  return __heap_base;
}
