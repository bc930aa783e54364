import type { TensorFormat } from '../../formats/index.ts';
import { groupOf } from '../../formats/tensor-format.ts';
import { sample } from '../../kernels/oracle.ts';

/*
 * What the tests of the weight algorithms share: sums in float64, one by one, sharing nothing with what is tested.
 */

/** The values that a quantised weight carries. */
export function carried(
  format: TensorFormat,
  { elements, fit, inputs }: { elements: Float32Array; fit: { scales: Float32Array }; inputs: number },
): Float32Array {
  return elements.map((element, i) => {
    const group = groupOf(format.granularity, i, inputs);
    return Math.fround(element * (fit.scales[group] ?? 1));
  });
}

/** tr(E H Eᵀ) of errors [outputs, inputs]. */
export function errorTrace(e: Float32Array, hessian: Float32Array, inputs: number): number {
  let total = 0;
  for (let at = 0; at < e.length; at += inputs) {
    for (let i = 0; i < inputs; i++)
      for (let j = 0; j < inputs; j++) total += e[at + i]! * hessian[i * inputs + j]! * e[at + j]!;
  }
  return total;
}

export function difference(x: Float32Array, y: Float32Array): Float32Array {
  return x.map((value, i) => value - y[i]!);
}

/** Inputs [rows, inputs] whose channels go together and differ in size. */
export function correlatedInputs(
  rows: number,
  inputs: number,
  seed: number,
  size = (channel: number) => 1 + channel / 8,
): Float32Array {
  const noise = sample(rows * inputs, seed);
  return noise.map((value, i) => (0.4 * value + 0.6 * noise[i - (i % inputs)]!) * size(i % inputs));
}

/** 2/N Σ x xᵀ. */
export function secondMoments(x: Float32Array, inputs: number): Float32Array {
  const rows = x.length / inputs;
  const hessian = new Float32Array(inputs * inputs);
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < inputs; j++) {
      let sum = 0;
      for (let r = 0; r < rows; r++) sum += x[r * inputs + i]! * x[r * inputs + j]!;
      hessian[i * inputs + j] = (2 / rows) * sum;
    }
  }
  return hessian;
}
