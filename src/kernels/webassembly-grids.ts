import type { Grid, GridRounding, GroupLayout } from './format-kernels.ts';
import type { KernelExports } from './module.ts';
import { same } from './operands.ts';
import type { KernelStack } from './stack.ts';

/** Up to this many entries all thresholds are compared; from there on a binary search does less. */
const SMALL = 32;
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
    if (entries.length <= SMALL) {
      const steps = stepsOf(stack, grid);
      exports.roundToSmallGrid(
        at,
        scalesAt,
        rows,
        columns,
        group,
        first,
        steps,
        thresholds.length,
        kind,
        values,
      );
    } else {
      const size = 2 ** Math.ceil(Math.log2(entries.length));
      const filled = stack.floats(size).fill(Number.NaN);
      filled.set(thresholds);
      exports.roundToLargeGrid(
        at,
        scalesAt,
        rows,
        columns,
        group,
        stack.vector(entries),
        filled.byteOffset,
        size,
        kind,
        values,
      );
    }
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
