/** What can be asked of values in ascending order without looking at all of them. */

/** How many values are below `bound`; with `inclusive` those equal to it as well. */
export function countBelow(sorted: Float32Array, bound: number, inclusive = false): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < bound || (inclusive && sorted[middle] === bound)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Largest magnitude when the `count` largest are set aside: the least float that at most `count` exceed. */
export function largestWithout(sorted: Float32Array, count: number): number {
  // Non-negative floats order as their bits do.
  let [low, high] = [0, 0x7f7fffff];
  while (low < high) {
    const middle = (low + high) >>> 1;
    bits[0] = middle;
    const above = countBelow(sorted, -float[0]!) + sorted.length - countBelow(sorted, float[0]!, true);
    if (above <= count) high = middle;
    else low = middle + 1;
  }
  bits[0] = low;
  return float[0]!;
}
