import { InputError } from '../../errors.ts';
import type { TensorFormat } from '../../formats/index.ts';
import type { Kernels } from '../../kernels/index.ts';

/** H = Mᵀ M, for the weights that share an input. */
export interface Factor {
  /** M [inputs, inputs], rows and columns in the order of the columns' turn. */
  m: Float64Array;
  /** Column of the weight at each turn. */
  order: Int32Array;
  /** The columns stand in their own order. */
  natural: boolean;
  dead: readonly number[];
}

/**
 * Damps and factors the second moments of an input, its columns in the order of their turn. M lies in the kernel memory.
 *
 * @throws InputError where they are not positive definite
 */
export function factorize(
  kernels: Kernels,
  hessian: Float32Array,
  n: number,
  format: TensorFormat,
  damping: number,
  kind: 'natural' | 'activation',
): Factor {
  if (hessian.length !== n * n) throw new Error(`a Hessian of ${hessian.length} values for ${n} inputs`);
  const diagonal = Float64Array.from({ length: n }, (_, i) => hessian[i * n + i]!);
  const dead = [...diagonal.keys()].filter((i) => diagonal[i] === 0);
  const damp = damping * (diagonal.reduce((sum, value) => sum + value, 0) / n);
  const order = kernels.integers(n);
  order.set(kind === 'natural' ? Array.from(diagonal.keys()) : activationOrder(diagonal, format.granule));
  const m = kernels.doubles(n * n);
  const mark = kernels.mark();
  const row = kernels.floats(n);
  for (let r = 0; r < n; r++) {
    const c = order[r]!;
    row.set(hessian.subarray(c * n, (c + 1) * n));
    kernels.algebra.gatherRow(m.subarray(r * n, r * n + r + 1), row, order.subarray(0, r + 1));
    m[r * n + r]! += diagonal[c] === 0 ? 1 : damp;
  }
  kernels.release(mark);
  const failed = kernels.algebra.cholesky(m, n);
  if (failed >= 0) {
    throw new InputError(
      `GPTQ: the input's second moments are not positive definite at channel ${order[failed]} with damping ${damping}`,
      { note: 'give more calibration data or a larger damping' },
    );
  }
  return { m, order, natural: kind === 'natural', dead };
}

/** Columns (whole granules) by falling diagonal, ties as they stand. */
function activationOrder(diagonal: Float64Array, granule: number): number[] {
  const starts = Array.from({ length: Math.ceil(diagonal.length / granule) }, (_, i) => i * granule);
  const weight = (start: number) => diagonal[start]! + (granule === 2 ? (diagonal[start + 1] ?? 0) : 0);
  // A granule that the matrix cuts off stays last: a whole one begins at an even turn.
  const whole = starts.filter((start) => start + granule <= diagonal.length);
  const sorted = whole.sort((a, b) => weight(b) - weight(a) || a - b);
  return [...sorted, ...starts.slice(whole.length)].flatMap((start) =>
    Array.from({ length: Math.min(granule, diagonal.length - start) }, (_, i) => start + i),
  );
}
