import type { Grid, GridRounding, GroupLayout } from './format-kernels.ts';
import type { KernelExports } from './module.ts';
import { same } from './operands.ts';
import type { KernelStack } from './stack.ts';

/** Up to this many entries, and in grids of values, all thresholds are compared; beyond it a table of buckets is faster. */
const SMALL = 16;
/** A table of more buckets does not stay in a first-level cache. */
const MOST_BUCKETS = 2048;
const LARGEST = 256;

/** `kind` of `assembly/round-to-grid.ts`. */
const MAGNITUDES = 0;
const VALUES = 1;
const RECIPROCAL = 2;

/** `roundToGrid` of the format kernels, shapes checked. */
export function roundToGrid(
  stack: KernelStack,
  exports: KernelExports,
  x: Float32Array,
  scales: Float32Array,
  rows: number,
  { columns, group }: GroupLayout,
  { grid, of, reciprocal = false, to }: GridRounding,
): void {
  check('roundToGrid', grid);
  if (reciprocal && of === 'magnitudes') throw new Error('roundToGrid: a reciprocal of magnitudes');
  const kind = of === 'magnitudes' ? MAGNITUDES : reciprocal ? RECIPROCAL : VALUES;
  const at = stack.at('roundToGrid', x);
  const { entries, thresholds } = grid;
  const [first, values] = [entries[0]!, to === 'values'];
  stack.scratch(() => {
    const scalesAt = stack.vector(scales);
    const table = of === 'magnitudes' && entries.length > SMALL ? bucketsOf(stack, grid) : undefined;
    if (table) {
      const { at: buckets, shift, base, last } = table;
      exports.roundToBuckets(at, scalesAt, rows, columns, group, buckets, shift, base, last, values);
      return;
    }
    const steps = stepsOf(stack, grid);
    const count = thresholds.length;
    exports.roundToSmallGrid(at, scalesAt, rows, columns, group, first, steps, count, kind, values);
  });
}

/** `roundInsideToGrid` of the format kernels. */
export function roundInsideToGrid(
  stack: KernelStack,
  exports: KernelExports,
  x: Float32Array,
  grid: Grid,
  low: number,
  high: number,
): void {
  check('roundInsideToGrid', grid);
  const at = stack.at('roundInsideToGrid', x);
  stack.scratch(() => {
    const steps = stepsOf(stack, grid);
    exports.roundInsideToGrid(at, x.length, grid.entries[0]!, steps, grid.thresholds.length, low, high);
  });
}

function check(kernel: string, { entries, thresholds }: Grid): void {
  if (!(entries.length >= 1 && entries.length <= LARGEST))
    throw new Error(`${kernel}: a grid of ${entries.length} entries`);
  same(kernel, 'thresholds', thresholds.length, entries.length - 1);
}

/** For each threshold four copies of it and four of the difference of the bits of its two entries. */
function stepsOf(stack: KernelStack, { entries, thresholds }: Grid): number {
  const at = stack.take(thresholds.length * 32);
  const { buffer } = stack.memory;
  const floats = new Float32Array(buffer, at, thresholds.length * 8);
  const integers = new Int32Array(buffer, at, thresholds.length * 8);
  const bits = new Int32Array(Float32Array.from(entries).buffer);
  for (const [k, threshold] of thresholds.entries()) {
    floats.fill(threshold, k * 8, k * 8 + 4);
    integers.fill(bits[k + 1]! - bits[k]!, k * 8 + 4, k * 8 + 8);
  }
  return at;
}

/**
 * Buckets of magnitudes by the upper bits of the float, as many bits as part the thresholds; undefined where that takes
 * too many buckets. Positive floats order as their bits do, so that a bucket below a threshold's holds what is below it.
 */
function bucketsOf(stack: KernelStack, { entries, thresholds }: Grid) {
  const bits = new Int32Array(Float32Array.from(thresholds).buffer);
  if (!thresholds.every((threshold) => threshold > 0)) return undefined;
  let shift = 23;
  while (shift > 0 && bits.some((word, i) => i > 0 && word >> shift === bits[i - 1]! >> shift)) shift--;
  const base = bits[0]! >> shift;
  const last = (bits.at(-1)! >> shift) - base;
  if (shift === 0 || last >= MOST_BUCKETS) return undefined;
  const at = stack.take((last + 1) * 16);
  const floats = new Float32Array(stack.memory.buffer, at, (last + 1) * 4);
  const words = new Int32Array(stack.memory.buffer, at, (last + 1) * 4);
  const entryBits = new Int32Array(Float32Array.from(entries).buffer);
  for (let bucket = 0, passed = 0; bucket <= last; bucket++) {
    const has = passed < bits.length && bits[passed]! >> shift === base + bucket;
    floats[bucket * 4] = has ? thresholds[passed]! : Number.POSITIVE_INFINITY;
    words[bucket * 4 + 1] = entryBits[passed]!;
    words[bucket * 4 + 2] = has ? entryBits[passed + 1]! - entryBits[passed]! : 0;
    if (has) passed++;
  }
  return { at, shift, base, last };
}
