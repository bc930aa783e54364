import type { Grid } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { nextUp } from './float32-steps.ts';
import { countBelow } from './sorted.ts';

/*
 * Clustering on a line as GOBO does it (MICRO 2020, after the paper): bins of equal population, their means; then each
 * value to its nearest centroid and each centroid to the mean of its values, until the sum of |x - centroid| stops
 * falling. The last centroids for which it fell are taken.
 *
 * The values are sorted, so that a cluster is an interval, and its sum is a difference of prefix sums (float64): a turn
 * costs a few binary searches, whatever the number of values.
 */
export function clusterSorted(kernels: Kernels, sorted: Float32Array, clusters: number): Float32Array {
  if (sorted.length === 0) return new Float32Array(clusters);
  const mark = kernels.mark();
  const sums = kernels.formats.prefixSums(sorted);
  const { length } = sorted;
  let bounds = Array.from({ length: clusters + 1 }, (_, k) => Math.floor((k * length) / clusters));
  // A bin without values (fewer values than bins) gets the value where it would begin.
  let centroids = means(
    sorted,
    sums,
    bounds,
    Float32Array.from(bounds.slice(0, -1), (at) => sorted[Math.min(at, length - 1)]!),
  );
  let kept = centroids;
  let error = Number.POSITIVE_INFINITY;
  for (;;) {
    bounds = [0, ...Array.from(gridOf(centroids).thresholds, (t) => countBelow(sorted, t)), length];
    const next = absoluteError(sorted, sums, bounds, centroids);
    if (!(next < error)) break;
    error = next;
    kept = centroids;
    centroids = means(sorted, sums, bounds, centroids);
  }
  kernels.release(mark);
  return kept;
}

/** Mean of each interval of sorted values, ascending as they are; of an empty one what it had. */
function means(
  sorted: Float32Array,
  sums: Float64Array,
  bounds: readonly number[],
  before: Float32Array,
): Float32Array {
  return before.map((centroid, k) => {
    const [from, to] = [bounds[k]!, bounds[k + 1]!];
    if (to === from) return centroid;
    const mean = (sums[to]! - sums[from]!) / (to - from);
    // The difference of long sums may leave the interval by its rounding.
    return Math.min(Math.max(mean, sorted[from]!), sorted[to - 1]!);
  });
}

/** Σ |x - centroid|: below a centroid the values count negative. */
function absoluteError(
  sorted: Float32Array,
  sums: Float64Array,
  bounds: readonly number[],
  centroids: Float32Array,
): number {
  let error = 0;
  for (const [k, centroid] of centroids.entries()) {
    const [from, to] = [bounds[k]!, bounds[k + 1]!];
    const at = Math.min(Math.max(countBelow(sorted, centroid), from), to);
    error += (at - from) * centroid - (sums[at]! - sums[from]!);
    error += sums[to]! - sums[at]! - (to - at) * centroid;
  }
  return error;
}

/** Ascending centroids as a grid: the middle of two, rounded up where it is no float32, and itself the upper one's. */
export function gridOf(centroids: Float32Array): Grid {
  const thresholds = centroids.subarray(1).map((upper, k) => {
    const middle = (upper + centroids[k]!) / 2;
    const rounded = Math.fround(middle);
    return rounded < middle ? nextUp(rounded) : rounded;
  });
  return { entries: centroids, thresholds };
}
