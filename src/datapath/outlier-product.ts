import type { TensorFormat } from '../formats/index.ts';
import {
  createOutlierProducts,
  type Gemm,
  type Kernels,
  type OutlierProducts,
  type SplitRows,
  type SplitWeight,
} from '../kernels/index.ts';
import type { Matrix } from '../model/index.ts';
import { type Elements, type Multiplier, rowScale } from './multiplier.ts';
import { multiplyPanels } from './panels.ts';

type Left = SplitRows & { scale: number | Float32Array };
type Right = SplitWeight & { scale: number | Float32Array };

/**
 * Integers of which a few are outliers beyond int8 (OliVe's abfloat, OLAccel's 16-bit values): int8 products, corrected
 * by those of the outliers, in int32 that wraps around; then times (row scale · scale of the output channel), plus bias, in
 * float32.
 */
export class OutlierProduct implements Multiplier<Left, Right> {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #products: OutlierProducts;
  readonly #weights: TensorFormat;
  readonly #activations: TensorFormat;
  #overflows = 0;

  constructor(kernels: Kernels, gemm: Gemm, weights: TensorFormat, activations: TensorFormat) {
    this.#kernels = kernels;
    this.#gemm = gemm;
    this.#products = createOutlierProducts(kernels);
    this.#weights = weights;
    this.#activations = activations;
  }

  /** Sums so far whose true value lies outside int32. */
  get overflows(): number {
    return this.#overflows;
  }

  right({ data, rows: outputs, columns: inputs, fit }: Elements): Right {
    const block = (from: number, rows: number) =>
      this.#kernels.load(data.subarray(from * inputs, (from + rows) * inputs));
    const split = this.#products.splitWeight(outputs, inputs, block);
    return { ...split, scale: rowScale(this.#weights, fit) };
  }

  left({ data, columns, fit }: Elements): Left {
    return { ...this.#products.splitRows(data, columns), scale: rowScale(this.#activations, fit) };
  }

  async multiply(left: Left, right: Right, output: Matrix, bias?: Float32Array): Promise<void> {
    const doubtful = this.#products.doubtfulRows(left, right);
    await multiplyPanels(this.#kernels, this.#gemm, left, right, { output, bias }, (sums, from) => {
      this.#products.add(sums, left, right, from);
      if (doubtful.length > 0) this.#overflows += this.#products.overflows(sums, left, right, from, doubtful);
    });
  }
}
