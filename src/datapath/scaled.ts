import { RunError } from '../errors.ts';
import type { Fit, TensorFormat } from '../formats/index.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import {
  type Attention,
  type Matrix,
  type PreparedWeight,
  type Projection,
  type Site,
  siteId,
  type WeightMatrix,
} from '../model/index.ts';
import type { Calibration } from './calibration.ts';
import type { ContextProduct, Engine, ScoreProduct } from './engine.ts';
import { FloatProduct } from './float-product.ts';
import { GroupProduct } from './group-product.ts';
import { IntegerProduct } from './integer-product.ts';
import type { Multiplier } from './multiplier.ts';
import type { ScaledArithmetic } from './plan.ts';
import { formatOf, productOf } from './product.ts';
import { ScaledAttention } from './scaled-attention.ts';
import { rtn } from './weights/rtn.ts';

interface ScaledWeight extends PreparedWeight {
  /** What the multiplier made of the elements. */
  operand: unknown;
  /** Of the input, where it was fitted on calibration data. */
  inputFit?: Fit | undefined;
}

/**
 * Operands in any formats: the elements that codes stand for are multiplied as the formats' hardware does it, and the
 * sums take the scales.
 */
export class ScaledEngine implements Engine<unknown, ScaledWeight> {
  readonly #kernels: Kernels;
  readonly #arithmetic: ScaledArithmetic;
  readonly #calibration: Calibration | undefined;
  readonly #weights: TensorFormat;
  readonly #activations: TensorFormat;
  readonly #multiplier: Multiplier;
  readonly #attention: ScaledAttention;

  constructor(
    kernels: Kernels,
    gemm: Gemm,
    arithmetic: ScaledArithmetic,
    calibration: Calibration | undefined,
  ) {
    this.#kernels = kernels;
    this.#arithmetic = arithmetic;
    this.#calibration = calibration;
    this.#weights = formatOf(arithmetic.weights);
    this.#activations = formatOf(arithmetic.activations);
    this.#multiplier = createMultiplier(kernels, gemm, this.#weights, this.#activations);
    this.#attention = new ScaledAttention(kernels, gemm, this.#activations);
  }

  async prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Promise<ScaledWeight[]> {
    return group.map(({ weight }) => {
      const { outputs, inputs } = weight;
      const { elements, fit } = rtn(this.#kernels, weight, this.#weights);
      const operand = this.#multiplier.right({ data: elements, rows: outputs, columns: inputs, fit });
      return { outputs, inputs, operand };
    });
  }

  encode(site: Site, input: Matrix, { inputFit }: ScaledWeight): unknown {
    const data = this.#kernels.load(input.data);
    const fit = inputFit ?? this.#fit(site, data, input.columns);
    this.#activations.round(this.#kernels, data, input.columns, fit, 'elements');
    return this.#multiplier.left({ data, rows: input.rows, columns: input.columns, fit });
  }

  async multiply(input: unknown, { weight, bias, output }: Projection): Promise<void> {
    await this.#multiplier.multiply(input, (weight as ScaledWeight).operand, output, bias);
  }

  /** The output goes on as the format of the activations carries it. */
  requantize({ site, output: { data, columns } }: Projection): void {
    const fit = this.#fit(site, data, columns);
    this.#activations.round(this.#kernels, data, columns, fit, 'values');
  }

  scores(attention: Attention): ScoreProduct {
    return this.#attention.scores(attention);
  }

  context(attention: Attention): ContextProduct {
    return this.#attention.context(attention);
  }

  #fit(site: Site, x: Float32Array, columns: number): Fit {
    const bad = this.#kernels.findNonFinite(x);
    if (bad >= 0) {
      const place = `token ${Math.floor(bad / columns)}, channel ${bad % columns}`;
      throw new RunError(`${siteId(site)}: expected finite activations, found ${x[bad]} (${place})`);
    }
    return this.#activations.fit(this.#kernels, x, columns);
  }
}

function createMultiplier(
  kernels: Kernels,
  gemm: Gemm,
  weights: TensorFormat,
  activations: TensorFormat,
): Multiplier {
  switch (productOf(weights, activations)) {
    case 'integer':
      return new IntegerProduct(kernels, gemm, weights, activations) as Multiplier;
    case 'float':
      return new FloatProduct(kernels, gemm, weights, activations) as Multiplier;
    case 'group':
      return new GroupProduct(kernels, weights, activations) as Multiplier;
  }
}
