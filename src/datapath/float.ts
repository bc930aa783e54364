import { type FloatFormat, FORMATS } from '../formats/index.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import type { Attention, Matrix, PreparedWeight, Projection, Site, WeightMatrix } from '../model/index.ts';
import type { ContextProduct, Engine, ScoreProduct } from './engine.ts';
import type { FloatArithmetic } from './plan.ts';

interface FloatWeight extends PreparedWeight {
  /** [outputs, inputs], rounded to the weights' format. */
  data: Float32Array;
}

/** Values rounded at a time when a weight is prepared. */
const CHUNK = 1 << 20;

/**
 * Float operands, float32 accumulation. Products of two float16, bfloat16 or tf32 values are exact in float32
 * (at most 22 significand bits), so that rounding the operands is all that the narrow format does.
 */
export class FloatEngine implements Engine<Matrix, FloatWeight> {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #weights: FloatFormat;
  readonly #activations: FloatFormat;

  constructor(kernels: Kernels, gemm: Gemm, arithmetic: FloatArithmetic) {
    this.#kernels = kernels;
    this.#gemm = gemm;
    this.#weights = floatFormat(arithmetic.weights);
    this.#activations = floatFormat(arithmetic.activations);
  }

  prepare(group: readonly { site: Site; weight: WeightMatrix }[]): FloatWeight[] {
    return group.map(({ weight: { data, outputs, inputs } }) => ({
      outputs,
      inputs,
      data: this.#roundWeight(data),
    }));
  }

  encode(_site: Site, input: Matrix): Matrix {
    if (this.#activations.name === 'float32') return input;
    const data = this.#kernels.load(input.data);
    this.#activations.round(this.#kernels, data);
    return { ...input, data };
  }

  async multiply(input: Matrix, { weight, bias, output }: Projection): Promise<void> {
    const { data, outputs: n, inputs: k } = weight as FloatWeight;
    await this.#gemm.float32(output.data, input.data, data, { m: input.rows, k, n, transposed: true });
    if (bias) this.#kernels.addRow(output.data, bias);
  }

  scores({ queries, keys, m, n, d }: Attention): ScoreProduct {
    this.#activations.round(this.#kernels, queries);
    this.#activations.round(this.#kernels, keys);
    return (block, scores) => {
      const from = (block.group * m + block.first) * d;
      const q = queries.subarray(from, from + block.rows * d);
      const k = keys.subarray(block.group * n * d, (block.group * n + block.keys) * d);
      return this.#gemm.float32(scores, q, k, { m: block.rows, k: d, n: block.keys, transposed: true });
    };
  }

  context({ values, n, d }: Attention): ContextProduct {
    this.#activations.round(this.#kernels, values);
    return (block, probabilities, context) => {
      this.#activations.round(this.#kernels, probabilities);
      const v = values.subarray(block.group * n * d, (block.group * n + block.keys) * d);
      return this.#gemm.float32(context, probabilities, v, {
        m: block.rows,
        k: block.keys,
        n: d,
        transposed: false,
      });
    };
  }

  #roundWeight(data: Float32Array): Float32Array {
    if (this.#weights.name === 'float32') return data;
    const out = new Float32Array(new SharedArrayBuffer(data.length * 4));
    const kernels = this.#kernels;
    const mark = kernels.mark();
    const chunk = kernels.floats(Math.min(CHUNK, data.length));
    for (let from = 0; from < data.length; from += CHUNK) {
      const part = chunk.subarray(0, Math.min(CHUNK, data.length - from));
      part.set(data.subarray(from, from + part.length));
      this.#weights.round(kernels, part);
      out.set(part, from);
    }
    kernels.release(mark);
    return out;
  }
}

function floatFormat(name: string): FloatFormat {
  const float = FORMATS[name]?.float;
  if (!float) throw new Error(`"${name}" is not a float format`);
  return float;
}
