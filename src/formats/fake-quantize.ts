import type { Kernels } from '../kernels/index.ts';
import type { Fit, TensorFormat } from './tensor-format.ts';

/** Bytes of a block of rows: what the passes of fit and round, and the copies, find in a core's second-level cache. */
const BLOCK_BYTES = 256 * 1024;

/**
 * What a format makes of a matrix [rows, columns]: each value becomes the one that its code carries. Of any size and in
 * any buffer; `out` may be x. Goes by blocks of rows that stay in cache; where a fit takes from all of the matrix, a first
 * pass finds that. If it takes more than the extremes, the whole lies in the kernel memory once and must fit there (4 GiB).
 */
export function fakeQuantize(
  kernels: Kernels,
  format: TensorFormat,
  x: Float32Array,
  columns: number,
  out: Float32Array = x,
): void {
  if (x.length === 0) return;
  if (!(Number.isInteger(columns) && columns > 0 && x.length % columns === 0))
    throw new Error(`fakeQuantize: ${x.length} values in rows of ${columns}`);
  if (out.length !== x.length) throw new Error(`fakeQuantize: ${x.length} values into ${out.length}`);
  const ofTensor = format.granularity === 'tensor';
  const taken = format.takesFromWhole ?? (ofTensor ? 'all' : undefined);
  const mark = kernels.mark();
  try {
    let whole: Fit | undefined;
    if (taken === 'all') whole = fitWhole(kernels, format, x, columns);
    if (taken === 'extremes') whole = format.fit(kernels, kernels.load(extremes(kernels, x)), 2);
    const rows = Math.max(1, Math.floor(BLOCK_BYTES / 4 / columns));
    eachBlock(kernels, x, rows * columns, (values, start) => {
      // The scale of a tensor is that of its blocks too.
      const fit = whole && ofTensor ? whole : format.fit(kernels, values, columns, whole);
      format.round(kernels, values, columns, fit, 'values');
      out.set(values, start);
    });
  } finally {
    kernels.release(mark);
  }
}

function fitWhole(kernels: Kernels, format: TensorFormat, x: Float32Array, columns: number): Fit {
  const mark = kernels.mark();
  const fit = format.fit(kernels, kernels.load(x), columns);
  kernels.release(mark);
  return fit;
}

/** Smallest and largest value. */
function extremes(kernels: Kernels, x: Float32Array): Float32Array {
  let [smallest, largest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const [low, high] = [kernels.floats(1), kernels.floats(1)];
  eachBlock(kernels, x, BLOCK_BYTES / 4, (values) => {
    kernels.formats.groupRange(low, high, values, { columns: values.length, group: values.length });
    smallest = Math.min(smallest, low[0]!);
    largest = Math.max(largest, high[0]!);
  });
  return Float32Array.of(smallest, largest);
}

/** Copies of `size` values after each other in one place of the kernel memory; the last may be shorter. */
function eachBlock(
  kernels: Kernels,
  x: Float32Array,
  size: number,
  work: (values: Float32Array, start: number) => void,
): void {
  const block = kernels.floats(Math.min(size, x.length));
  for (let start = 0; start < x.length; start += size) {
    const part = x.subarray(start, start + size);
    const values = part.length < block.length ? block.subarray(0, part.length) : block;
    values.set(part);
    work(values, start);
  }
}
