import { createFormat, type TensorFormat } from '../formats/index.ts';
import type { Arithmetic, Encoding } from './plan.ts';

/**
 * How elements are multiplied and summed.
 *
 * integer  int32 sums of integers, one scale a row and an output channel after them
 * group    within a group exactly, times the group's scales, then summed in float32
 * float    float32 sums of elements, one scale a row and an output channel after them
 */
export type Product = 'integer' | 'group' | 'float';

export function formatOf({ format, settings, granularity }: Encoding): TensorFormat {
  return createFormat(format, settings, granularity);
}

/** The product that two formats' hardware computes. */
export function productOf(weights: TensorFormat, activations: TensorFormat): Product {
  if (groupSize(weights) !== undefined || groupSize(activations) !== undefined) return 'group';
  return isNarrow(weights) && isNarrow(activations) ? 'integer' : 'float';
}

/** Values along a row that share a scale; undefined for the whole row. */
export function groupSize({ granularity }: TensorFormat): number | undefined {
  return typeof granularity === 'object' ? granularity.group : undefined;
}

/** Integers that an int8 multiplier takes, but for a few outliers. */
function isNarrow({ largestInteger, sparseOutliers }: TensorFormat): boolean {
  return largestInteger !== undefined && (largestInteger <= 127 || sparseOutliers === true);
}

/** The type of a site's sums. */
export function accumulatorOf(arithmetic: Arithmetic): 'int32' | 'float32' {
  if (arithmetic.kind !== 'scaled') return arithmetic.kind === 'integer' ? 'int32' : 'float32';
  const product = productOf(formatOf(arithmetic.weights), formatOf(arithmetic.activations));
  return product === 'integer' ? 'int32' : 'float32';
}
