import { createFormat, type TensorFormat } from '../formats/index.ts';
import type { Arithmetic, Encoding } from './plan.ts';

/**
 * How elements are multiplied and summed.
 *
 * integer  int32 sums of integers, one scale a row and an output channel after them
 * outlier  the same where a few of the integers are outliers beyond int8
 * group    within a group exactly, times the group's scales, then summed in float32
 * float    float32 sums of elements, one scale a row and an output channel after them
 */
export type Product = 'integer' | 'outlier' | 'group' | 'float';

export function formatOf({ format, settings, granularity }: Encoding): TensorFormat {
  return createFormat(format, settings, granularity);
}

/** The product that two formats' hardware computes. */
export function productOf(weights: TensorFormat, activations: TensorFormat): Product {
  if (groupSize(weights) !== undefined || groupSize(activations) !== undefined) return 'group';
  const operands = [weights, activations];
  if (operands.every(isNarrow)) return 'integer';
  return operands.every((format) => isNarrow(format) || isSparse(format)) ? 'outlier' : 'float';
}

/** Values along a row that share a scale; undefined for the whole row. */
export function groupSize({ granularity }: TensorFormat): number | undefined {
  return typeof granularity === 'object' ? granularity.group : undefined;
}

/** Integers that an int8 multiplier takes. */
function isNarrow({ largestInteger }: TensorFormat): boolean {
  return largestInteger !== undefined && largestInteger <= 127;
}

/** The same but for a few outliers. */
function isSparse({ largestInteger, sparseOutliers }: TensorFormat): boolean {
  return largestInteger !== undefined && sparseOutliers === true;
}

/** The type of a site's sums. */
export function accumulatorOf(arithmetic: Arithmetic): 'int32' | 'float32' {
  if (arithmetic.kind !== 'scaled') return arithmetic.kind === 'integer' ? 'int32' : 'float32';
  const product = productOf(formatOf(arithmetic.weights), formatOf(arithmetic.activations));
  return product === 'integer' || product === 'outlier' ? 'int32' : 'float32';
}
