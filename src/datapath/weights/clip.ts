import { layoutOf, type TensorFormat } from '../../formats/index.ts';
import type { Gemm, Kernels } from '../../kernels/index.ts';
import { rowErrors } from './output-error.ts';

/*
 * AWQ's search for clipped ranges (Lin et al., MLSys 2024, section 3; auto_clip of the public code): weights of a group are
 * cut at a share of their largest magnitude, 1, 0.95 .. 0.55, the one with the least output error e H eᵀ of the group's
 * own channels. Where a scale is a row's, a row is cut at once; where it is the tensor's, the tensor.
 */

/** Shares tried: 1 - i / STEPS, while above the smallest. */
const STEPS = 20;
const SMALLEST = 0.5;

/** Cuts a weight [outputs, inputs] in the kernel memory, in place. */
export async function clip(
  kernels: Kernels,
  gemm: Gemm,
  weight: Float32Array,
  inputs: number,
  format: TensorFormat,
  hessian: Float32Array,
): Promise<void> {
  const { granularity } = format;
  const size = typeof granularity === 'object' ? Math.min(granularity.group, inputs) : inputs;
  const outputs = weight.length / inputs;
  const groups = Math.ceil(inputs / size);
  const limits = new Float32Array(outputs * groups);
  const whole = format.fit(kernels, weight, inputs);
  for (let group = 0; group < groups; group++) {
    const mark = kernels.mark();
    const first = group * size;
    const count = Math.min(size, inputs - first);
    const x = kernels.floats(outputs * count);
    kernels.algebra.copyColumns(x, weight, { columns: inputs, first, count });
    const moments = kernels.floats(count * count);
    for (let r = 0; r < count; r++) {
      const from = (first + r) * inputs + first;
      moments.set(hessian.subarray(from, from + count), r * count);
    }
    const best = await bestLimits(kernels, gemm, x, count, moments, granularity === 'tensor', (values) => {
      const fit = format.fit(kernels, values, count, groups > 1 ? whole : undefined);
      format.round(kernels, values, count, fit, 'values');
    });
    for (const [row, limit] of best.entries()) limits[row * groups + group] = limit;
    kernels.release(mark);
  }
  kernels.algebra.clampGroups(weight, limits, layoutOf({ group: size }, weight.length, inputs));
}

/** The limit of each row of x [rows, columns], or of all `together`, by what `round` makes of the cut values. */
async function bestLimits(
  kernels: Kernels,
  gemm: Gemm,
  x: Float32Array,
  columns: number,
  hessian: Float32Array,
  together: boolean,
  round: (values: Float32Array) => void,
): Promise<Float32Array> {
  const rows = x.length / columns;
  const largest = kernels.floats(rows);
  kernels.rowAbsMax(largest, x, columns);
  if (together) largest.fill(kernels.absMax(x));
  const limits = Float32Array.from(largest);
  const least = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  for (let step = 0; step < STEPS * SMALLEST; step++) {
    const mark = kernels.mark();
    const share = 1 - step / STEPS;
    const cut = largest.map((max) => max * share);
    const values = kernels.load(x);
    kernels.algebra.clampGroups(values, cut, { columns, group: columns });
    round(values);
    kernels.algebra.addScaledRows(values, x, Float32Array.of(-1));
    const errors = await rowErrors(kernels, gemm, values, hessian, rows, columns);
    if (together) errors.fill(errors.reduce((sum, error) => sum + error, 0));
    for (const [row, error] of errors.entries()) {
      if (error >= least[row]!) continue;
      least[row] = error;
      limits[row] = cut[row]!;
    }
    kernels.release(mark);
  }
  return limits;
}
