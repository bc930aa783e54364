// The WebAssembly module: pointers and lengths in, nothing allocated. One topic a file.

export { gelu, geluTanh, relu, silu, tanh } from './activation';
export { add, addRow, multiply, multiplyRow } from './arithmetic';
export { cholesky, gatherRow, unitRows } from './cholesky';
export { fewRows, fewTransposed } from './gemm-few-rows';
export { multiplyFloat32 } from './gemm-float32';
export { multiplyGroups } from './gemm-groups';
export { multiplyGroupsFew } from './gemm-groups-few';
export { multiplyGroupsWide } from './gemm-groups-wide';
export { multiplyInt8 } from './gemm-int8';
export { hadamard } from './hadamard';
export { groupAbsMax, groupRange, groupScales, groupSquaredError, scaleGroups } from './groups';
export { mergeHeads, splitHeads, transpose, transposeBytes } from './layout';
export {
  addScaledRows, clampGroups, columnAbsSums, copyColumns, mirrorUpper, rowDots,
} from './matrix';
export { layerNorm, rmsNorm } from './norm';
export {
  addLeftOutliers, addRightOutliers, countOutliers, extractOutliers, turnIntegers,
} from './outliers';
export { boundRows, countWrapped, packIntegers, widenRow } from './overflow';
export { groupThreeSigma } from './moments';
export { pairErrors, roundPairs } from './olive';
export { packCodes, packPairRows, packRows, packTransposed } from './pack';
export { dequantize, fakeQuantize, fakeQuantizeRows, quantize, quantizeRows } from './quantize';
export { powerOfTwoScales } from './power-of-two-scales';
export { absMax, argMax, columnAbsMax, divergenceSums, expSums, findNonFinite, rowAbsMax } from './reduce';
export { rope } from './rope';
export { floatScales, roundFloats } from './round-floats';
export { roundFlushedFloats } from './round-flushed-floats';
export { roundIntegers } from './round-integers';
export { roundInsideToGrid, roundToBuckets, roundToSmallGrid } from './round-to-grid';
export { roundBfloat16, roundFloat16, roundTf32, widenBfloat16, widenFloat16 } from './rounding';
export { alignFloats, alignHalves, sharedScales } from './shared-exponent';
export { softmax } from './softmax';
export { twoLevelScales } from './two-level-scales';
export { sortFloats } from './sort';
export { prefixSums, squaredDeviations } from './sums';

/** First byte that the module itself does not use. */
export function heapBase(): usize {
  return __heap_base;
}
