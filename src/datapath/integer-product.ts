import type { TensorFormat } from '../formats/index.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import type { Matrix } from '../model/index.ts';
import { type Elements, type Multiplier, rowScale } from './multiplier.ts';
import { type CodedRows, multiplyPanels, type Panels, packPanels, signedBytes } from './panels.ts';

type Weight = Panels & { scale: number | Float32Array };

/** Integer elements, true int32 sums, then times (row scale · scale of the output channel), plus bias, in float32. */
export class IntegerProduct implements Multiplier<CodedRows, Weight> {
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

  right({ data, rows: outputs, columns: inputs, fit }: Elements): Weight {
    const kernels = this.#kernels;
    const panels = packPanels(kernels, { outputs, inputs }, (from, to) => {
      const elements = kernels.load(data.subarray(from * inputs, to * inputs));
      const codes = signedBytes(kernels, elements.length);
      kernels.quantizeSigned(codes, elements, 1);
      return codes;
    });
    return { ...panels, scale: rowScale(this.#weights, fit) };
  }

  left({ data, rows, fit }: Elements): CodedRows {
    const codes = this.#kernels.bytes(data.length);
    this.#kernels.quantize(codes, data, 1);
    return { codes, rows, scale: rowScale(this.#activations, fit) };
  }

  multiply(left: CodedRows, right: Weight, output: Matrix, bias?: Float32Array): Promise<void> {
    return multiplyPanels(this.#kernels, this.#gemm, left, right, { output, bias });
  }
}
