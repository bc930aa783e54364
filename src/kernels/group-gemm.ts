import type { GemmShape } from './gemm.ts';

/** A matrix [rows, k] of elements (integers, small floats) with a scale for each `group` of them along a row. */
export interface ScaledMatrix {
  elements: Float32Array;
  /** [rows, ceil(k / group)], any buffer; of length 1: one scale for the whole matrix. */
  scales: Float32Array;
  /** Elements that share a scale; k or more where a row has one. The last group of a row may be shorter. */
  group: number;
}

export interface GroupShape extends GemmShape {
  /** Sums of a step in float64, rounded once; for sums that float32 does not hold exactly. */
  wide?: boolean | undefined;
}

/**
 * What multiplies formats with a scale a group, as hardware does it: an adder tree for the elements of a group, its sum
 * times the scales, added in float32 (Anda's APU, MX, VS-Quant, W4A16 with groups).
 *
 * C[m,n] = Σ over steps, from k = 0 up, of sum(step) · (scale of A · scale of B), starting at 0. A step is a run of k
 * that crosses no group of A and none of B. Its sum is one chain of additions from its first k on, in float32, or, where
 * `wide`, in float64 and rounded to float32 at its end. The product of the scales, the product with it, and the addition
 * to C are each rounded to float32.
 *
 * The bits depend neither on the rows around nor, where each product of two elements is exact in float32 (their
 * significands have 24 bits together) or the sums are wide, on the machine. `sumsAreExact` tells where the order within
 * a step does not matter either.
 */
export interface GroupGemm {
  /** C[m,n] = A[m,k] · B[n,k] transposed. C and A's elements lie in the kernel memory, B in any (shared) buffer. */
  product(c: Float32Array, a: ScaledMatrix, b: ScaledMatrix, shape: GroupShape): void;
}

/** Whether float32 holds every sum of `step` products of integers up to `largestA` and `largestB`. */
export function sumsAreExact(step: number, largestA: number, largestB: number): boolean {
  return step * largestA * largestB <= 2 ** 24;
}

/** A run of k within one group of A and one of B. */
export interface Step {
  length: number;
  groupA: number;
  groupB: number;
}

/** The steps of k values: they end where a group of either operand ends. */
export function stepsOf(k: number, groupA: number, groupB: number): Step[] {
  const steps: Step[] = [];
  for (let start = 0; start < k; ) {
    const [a, b] = [Math.floor(start / groupA), Math.floor(start / groupB)];
    const end = Math.min(k, (a + 1) * groupA, (b + 1) * groupB);
    steps.push({ length: end - start, groupA: a, groupB: b });
    start = end;
  }
  return steps;
}
