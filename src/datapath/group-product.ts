import type { TensorFormat } from '../formats/index.ts';
import {
  createGroupGemm,
  type GroupGemm,
  type Kernels,
  type ScaledMatrix,
  sumsAreExact,
} from '../kernels/index.ts';
import type { Matrix } from '../model/index.ts';
import type { Elements, Multiplier } from './multiplier.ts';
import { groupSize } from './product.ts';

type Left = ScaledMatrix & { rows: number; columns: number };
type Right = Left;

/**
 * Sums within a group, times both scales, added in float32 in the order of the inputs, as an adder tree a group does it
 * (Anda's APU; MX, VS-Quant, weights with groups). Integer sums that float32 would round are kept exact and rounded
 * once.
 */
export class GroupProduct implements Multiplier<Left, Right> {
  readonly #kernels: Kernels;
  readonly #gemm: GroupGemm;
  readonly #weights: TensorFormat;
  readonly #activations: TensorFormat;
  readonly #wide: boolean;

  constructor(kernels: Kernels, weights: TensorFormat, activations: TensorFormat) {
    this.#kernels = kernels;
    this.#gemm = createGroupGemm(kernels);
    this.#weights = weights;
    this.#activations = activations;
    const step = Math.min(
      ...[weights, activations].map((format) => groupSize(format) ?? Number.POSITIVE_INFINITY),
    );
    const [a, b] = [activations.largestInteger, weights.largestInteger];
    this.#wide = a !== undefined && b !== undefined && !sumsAreExact(step, a, b);
  }

  right(weight: Elements): Right {
    return scaled(this.#weights, weight);
  }

  left(input: Elements): Left {
    return scaled(this.#activations, input);
  }

  async multiply(left: Left, right: Right, output: Matrix, bias?: Float32Array): Promise<void> {
    const shape = { m: left.rows, k: left.columns, n: right.rows, wide: this.#wide };
    this.#gemm.product(output.data, left, right, shape);
    if (bias) this.#kernels.addRow(output.data, bias);
  }
}

function scaled(format: TensorFormat, { data, rows, columns, fit }: Elements): Left {
  const scales = fit.scales.length === 0 ? Float32Array.of(1) : fit.scales;
  return { elements: data, scales, group: groupSize(format) ?? Math.max(columns, 1), rows, columns };
}
