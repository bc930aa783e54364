import type { Fit, TensorFormat } from '../formats/index.ts';
import type { Kernels } from '../kernels/index.ts';
import type { Matrix } from '../model/index.ts';

/** Elements [rows, columns] of a matrix with the scales that they were taken out of. */
export interface Elements {
  data: Float32Array;
  rows: number;
  columns: number;
  fit: Fit;
}

/**
 * What multiplies elements and applies scales: one of integer-, group- and float-product. The left operand lies in the
 * kernel memory; the right one is a weight, prepared once.
 */
export interface Multiplier<Left = unknown, Right = unknown> {
  /** Sums so far that their accumulator did not hold. */
  readonly overflows?: number;
  /** A weight's elements [outputs, inputs], any buffer, ready to be multiplied: plain data over shared buffers. */
  right(weight: Elements): Right;
  /** An input's elements in the kernel memory. */
  left(input: Elements): Left;
  /** output = left · rightᵀ + bias. */
  multiply(left: Left, right: Right, output: Matrix, bias?: Float32Array | undefined): Promise<void>;
}

/** The scale of a format whose scale comes out of the sum: one number, or one for each row. */
export function rowScale(format: TensorFormat, { scales }: Fit): number | Float32Array {
  if (scales.length === 0) return 1;
  return format.granularity === 'tensor' ? scales[0]! : scales;
}

/** x [rows, columns] times one scale a row and one a column, in this order, each product rounded to float32. */
export function applyScales(
  kernels: Kernels,
  { data, columns }: Matrix,
  row: number | Float32Array,
  column: number | Float32Array,
): void {
  if (typeof row !== 'number') kernels.formats.scaleGroups(data, row, { columns, group: columns });
  else scaleAll(kernels, data, row);
  if (typeof column !== 'number') kernels.multiplyRow(data, column);
  else scaleAll(kernels, data, column);
}

function scaleAll(kernels: Kernels, data: Float32Array, scale: number): void {
  if (scale === 1 || data.length === 0) return;
  kernels.formats.scaleGroups(data, Float32Array.of(scale), { columns: data.length, group: data.length });
}
