import { InputError } from '../errors.ts';
import { type Fit, FORMATS, type TensorFormat } from '../formats/index.ts';
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
import { type Calibration, calibrated } from './calibration.ts';
import type { ContextProduct, Engine, ScoreProduct } from './engine.ts';
import { checkFinite } from './finite.ts';
import { FloatProduct } from './float-product.ts';
import { GroupProduct } from './group-product.ts';
import { IntegerProduct } from './integer-product.ts';
import type { Multiplier } from './multiplier.ts';
import { OutlierProduct } from './outlier-product.ts';
import type { ScaledArithmetic, WeightAlgorithm } from './plan.ts';
import { formatOf, productOf } from './product.ts';
import { ScaledAttention } from './scaled-attention.ts';
import { quantizeGroup, type WeightMethod } from './weights/quantize-group.ts';
import { type InputTransform, transformInput } from './weights/transform.ts';

const ALGORITHMS: Record<WeightAlgorithm, WeightMethod['algorithm']> = {
  rtn: { name: 'rtn' },
  gptq: { name: 'gptq' },
  'gptq-activation-order': { name: 'gptq', order: 'activation' },
  awq: { name: 'awq' },
  'awq-clip': { name: 'awq', clip: true },
};

interface ScaledWeight extends PreparedWeight {
  /** What the multiplier made of the elements. */
  operand: unknown;
  /** What the input goes through before it is encoded. */
  transform: InputTransform;
  /** Of the input, where it was fitted on calibration data. */
  inputFit?: Fit | undefined;
  /** The same of the output, where it is re-quantised. */
  outputFit?: Fit | undefined;
}

/**
 * Operands in any formats: the elements that codes stand for are multiplied as the formats' hardware does it, and the
 * sums take the scales.
 */
export class ScaledEngine implements Engine<unknown, ScaledWeight> {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
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
    this.#gemm = gemm;
    this.#arithmetic = arithmetic;
    this.#calibration = calibration;
    this.#weights = formatOf(arithmetic.weights);
    this.#activations = formatOf(arithmetic.activations);
    this.#multiplier = createMultiplier(kernels, gemm, this.#weights, this.#activations);
    this.#attention = new ScaledAttention(kernels, gemm, this.#activations);
  }

  get overflows(): number {
    return this.#multiplier.overflows ?? 0;
  }

  /** But for a scale a token, by largest magnitudes or errors alone: zeros, which nobody sees, change nothing there. */
  get wholeContexts(): boolean {
    const { name, granularity, sparseOutliers } = this.#activations;
    return FORMATS[name]!.float === undefined && (granularity !== 'row' || sparseOutliers === true);
  }

  async prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Promise<ScaledWeight[]> {
    const { weights: encoding, smoothing, hadamard } = this.#arithmetic;
    const method = { algorithm: ALGORITHMS[encoding.algorithm], smoothing, hadamard };
    for (const { site, weight } of group) this.#checkWeight(site, weight);
    const { transform, weights } = await quantizeGroup(
      this.#kernels,
      this.#gemm,
      group,
      this.#weights,
      method,
      this.#calibration,
    );
    const inputFit = this.#staticFit(group[0]!.site, transform);
    return weights.map(({ outputs, inputs, elements, fit }, i) => {
      const operand = this.#multiplier.right({ data: elements, rows: outputs, columns: inputs, fit });
      const outputFit = this.#staticOutputFit(group[i]!.site);
      return { outputs, inputs, operand, transform, inputFit, outputFit };
    });
  }

  encode(site: Site, input: Matrix, { transform, inputFit }: ScaledWeight): unknown {
    const data = this.#kernels.load(input.data);
    transformInput(this.#kernels, data, input.columns, transform);
    const fit = this.#fit(site, data, input.columns, inputFit);
    this.#activations.round(this.#kernels, data, input.columns, fit, 'elements');
    return this.#multiplier.left({ data, rows: input.rows, columns: input.columns, fit });
  }

  async multiply(input: unknown, { weight, bias, output }: Projection): Promise<void> {
    await this.#multiplier.multiply(input, (weight as ScaledWeight).operand, output, bias);
  }

  /** The output goes on as the format of the activations carries it. */
  requantize({ site, weight, output: { data, columns } }: Projection): void {
    const fit = this.#fit(site, data, columns, (weight as ScaledWeight).outputFit);
    this.#activations.round(this.#kernels, data, columns, fit, 'values');
  }

  scores(attention: Attention): ScoreProduct {
    return this.#attention.scores(attention);
  }

  context(attention: Attention): ContextProduct {
    return this.#attention.context(attention);
  }

  #fit(site: Site, x: Float32Array, columns: number, fitted?: Fit): Fit {
    checkFinite(this.#kernels, site, x, columns);
    return fitted ?? this.#activations.fit(this.#kernels, x, columns);
  }

  /** On rows of the calibration data, as the transform makes them. */
  #staticFit(site: Site, transform: InputTransform): Fit | undefined {
    if (this.#arithmetic.activations.scale !== 'static') return undefined;
    const { sample } = calibrated(this.#calibration, site);
    const mark = this.#kernels.mark();
    const rows = this.#kernels.load(sample!.data);
    transformInput(this.#kernels, rows, sample!.columns, transform);
    const fit = this.#fit(site, rows, sample!.columns);
    this.#kernels.release(mark);
    return fit;
  }

  #staticOutputFit(site: Site): Fit | undefined {
    if (this.#arithmetic.activations.scale !== 'static') return undefined;
    const { outputSample } = calibrated(this.#calibration, site);
    if (!outputSample) return undefined;
    const mark = this.#kernels.mark();
    const fit = this.#fit(site, this.#kernels.load(outputSample.data), outputSample.columns);
    this.#kernels.release(mark);
    return fit;
  }

  #checkWeight(site: Site, { data, inputs }: WeightMatrix): void {
    const mark = this.#kernels.mark();
    const bad = this.#kernels.findNonFinite(this.#kernels.load(data));
    this.#kernels.release(mark);
    if (bad < 0) return;
    const place = `output ${Math.floor(bad / inputs)}, input ${bad % inputs}`;
    throw new InputError(`weight of ${siteId(site)}: expected finite values, found ${data[bad]} (${place})`, {
      note: `${this.#weights.name} codes finite numbers only`,
    });
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
    case 'outlier':
      return new OutlierProduct(kernels, gemm, weights, activations) as Multiplier;
    case 'float':
      return new FloatProduct(kernels, gemm, weights, activations) as Multiplier;
    case 'group':
      return new GroupProduct(kernels, weights, activations) as Multiplier;
  }
}
