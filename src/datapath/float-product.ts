import type { TensorFormat } from '../formats/index.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import type { Matrix } from '../model/index.ts';
import { applyScales, type Elements, type Multiplier, rowScale } from './multiplier.ts';

interface Operand {
  data: Float32Array;
  scale: number | Float32Array;
  rows: number;
  columns: number;
}

/**
 * Elements multiplied and summed in float32, in the order of the kernel; then times the scale of the row and that of the
 * output channel. The sums of integers are exact below 2^24.
 */
export class FloatProduct implements Multiplier<Operand, Operand> {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #weights: TensorFormat;
  readonly #activations: TensorFormat;

  constructor(kernels: Kernels, gemm: Gemm, weights: TensorFormat, activations: TensorFormat) {
    this.#kernels = kernels;
    this.#gemm = gemm;
    this.#weights = weights;
    this.#activations = activations;
  }

  right({ data, rows, columns, fit }: Elements): Operand {
    return { data, rows, columns, scale: rowScale(this.#weights, fit) };
  }

  left({ data, rows, columns, fit }: Elements): Operand {
    return { data, rows, columns, scale: rowScale(this.#activations, fit) };
  }

  async multiply(left: Operand, right: Operand, output: Matrix, bias?: Float32Array): Promise<void> {
    const shape = { m: left.rows, k: left.columns, n: right.rows, transposed: true };
    await this.#gemm.float32(output.data, left.data, right.data, shape);
    applyScales(this.#kernels, output, left.scale, right.scale);
    if (bias) this.#kernels.addRow(output.data, bias);
  }
}
