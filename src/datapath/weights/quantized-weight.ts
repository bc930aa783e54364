import { type Fit, layoutOf, type TensorFormat } from '../../formats/index.ts';
import type { Kernels } from '../../kernels/index.ts';

/** A weight in its format. Plain data over shared buffers. */
export interface QuantizedWeight {
  readonly outputs: number;
  readonly inputs: number;
  /** What the codes stand for, [outputs, inputs]; the weight is element · scale. */
  readonly elements: Float32Array;
  readonly fit: Fit;
}

/** A copy in a shared buffer. */
export function shared(values: Float32Array): Float32Array {
  const out = new Float32Array(new SharedArrayBuffer(values.length * 4));
  out.set(values);
  return out;
}

/** Elements to the values that they carry, in place in the kernel memory. */
export function applyScales(
  kernels: Kernels,
  elements: Float32Array,
  columns: number,
  format: TensorFormat,
  { scales }: Fit,
): void {
  // A float format's values carry their own exponent.
  if (scales.length === 0) return;
  kernels.formats.scaleGroups(elements, scales, layoutOf(format.granularity, elements.length, columns));
}
