import { beforeAll, describe, expect, it } from 'vitest';
import { createKernels, type Kernels } from '../../kernels/index.ts';
import { product, sample, toRows, transpose } from '../../kernels/oracle.ts';
import { correlatedInputs, secondMoments } from './testing.ts';
import {
  diagonalOf,
  type InputTransform,
  transformHessian,
  transformInput,
  transformWeight,
} from './transform.ts';

let kernels: Kernels;
beforeAll(async () => {
  kernels = await createKernels();
});

const [ROWS, INPUTS, OUTPUTS] = [40, 12, 5];
const X = correlatedInputs(ROWS, INPUTS, 1);
const W = sample(OUTPUTS * INPUTS, 2);
const diagonal = diagonalOf(sample(INPUTS, 3).map((value) => 0.2 + Math.abs(value)));
const hadamard = true;

describe.each<[string, InputTransform]>([
  ['a diagonal', { diagonal }],
  ['a rotation', { hadamard }],
  ['a diagonal, then a rotation', { diagonal, hadamard }],
])('%s', (_, transform) => {
  it('leaves the product as it is', () => {
    const [x, w] = [kernels.load(X), kernels.load(W)];
    transformInput(kernels, x, INPUTS, transform);
    transformWeight(kernels, w, INPUTS, transform);
    expect(x).not.toEqual(X);
    const times = (a: Float32Array, b: Float32Array) =>
      product(toRows(a, INPUTS), transpose(toRows(b, INPUTS), INPUTS), OUTPUTS).flat();
    const exact = times(X, W);
    for (const [i, value] of times(x, w).entries()) expect(value).toBeCloseTo(exact[i]!, 5);
  });

  it('turns second moments into those of the transformed input', () => {
    const x = kernels.load(X);
    transformInput(kernels, x, INPUTS, transform);
    const exact = secondMoments(x, INPUTS);
    const hessian = kernels.load(secondMoments(X, INPUTS));
    transformHessian(kernels, hessian, INPUTS, transform);
    for (const [i, value] of hessian.entries()) {
      const size = Math.sqrt(
        exact[Math.floor(i / INPUTS) * (INPUTS + 1)]! * exact[(i % INPUTS) * (INPUTS + 1)]!,
      );
      expect(Math.abs(value - exact[i]!)).toBeLessThan(2e-6 * size);
      expect(value).toBe(hessian[(i % INPUTS) * INPUTS + Math.floor(i / INPUTS)]);
    }
  });
});
