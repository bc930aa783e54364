import type { Gemm, Kernels } from '../kernels/index.ts';
import type { Attention, Matrix, PreparedWeight, Projection, Site, WeightMatrix } from '../model/index.ts';
import { type Calibration, calibrated } from './calibration.ts';
import type { ContextProduct, Engine, ScoreProduct } from './engine.ts';
import type { IntegerArithmetic } from './plan.ts';
import { smoothingFactors } from './smoothquant.ts';

interface IntegerWeight extends PreparedWeight {
  /** int8 codes [inputs, outputs], the order that the kernels multiply in. */
  codes: Int8Array;
  /** One scale, or one for each output. */
  scale: number | Float32Array;
  /** SmoothQuant: the input is multiplied by these first, [inputs]. */
  smoothing?: Float32Array | undefined;
}

interface IntegerOperand {
  /** Codes plus 128, [rows, columns]. */
  codes: Uint8Array;
  /** One scale, or one for each row. */
  scale: number | Float32Array;
  rows: number;
}

const LARGEST = 127;
/** Floor of an absolute maximum: keeps a scale away from 0 (as ReaLM's and SmoothQuant's code). */
const FLOOR = 1e-5;
/** Weights encoded at a time, in values. */
const CHUNK = 1 << 21;

/**
 * int8 operands, true int32 accumulators: symmetric, scale = max(|x|, 1e-5) / 127, codes ±127, ties to even
 * (ReaLM; SmoothQuant). The sums are decoded as sum · (input scale · weight scale) + bias in float32.
 */
export class IntegerEngine implements Engine<IntegerOperand, IntegerWeight> {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #arithmetic: IntegerArithmetic;
  readonly #calibration: Calibration | undefined;

  constructor(
    kernels: Kernels,
    gemm: Gemm,
    arithmetic: IntegerArithmetic,
    calibration: Calibration | undefined,
  ) {
    this.#kernels = kernels;
    this.#gemm = gemm;
    this.#arithmetic = arithmetic;
    this.#calibration = calibration;
  }

  prepare(group: readonly { site: Site; weight: WeightMatrix }[]): IntegerWeight[] {
    const { smoothing: alpha } = this.#arithmetic;
    let factors: Float32Array | undefined;
    let smoothing: Float32Array | undefined;
    if (alpha !== undefined) {
      const { input } = calibrated(this.#calibration, group[0]!.site);
      factors = smoothingFactors(
        this.#kernels,
        input,
        group.map(({ weight }) => weight),
        alpha,
      );
      smoothing = shared(factors.map((factor) => 1 / factor));
    }
    return group.map(({ weight }) => ({ ...this.#encodeWeight(weight, factors), smoothing }));
  }

  encode(site: Site, input: Matrix, weight: IntegerWeight): IntegerOperand {
    let { data } = input;
    if (weight.smoothing) {
      data = this.#kernels.load(data);
      this.#kernels.multiplyRow(data, weight.smoothing);
    }
    return this.#encodeRows(data, input.columns, () => {
      const { input: columnMax } = calibrated(this.#calibration, site);
      return columnMax.reduce((max, value, i) => Math.max(max, value * (weight.smoothing?.[i] ?? 1)), 0);
    });
  }

  async multiply(input: IntegerOperand, { weight, bias, output }: Projection): Promise<void> {
    const kernels = this.#kernels;
    const { codes, scale, outputs: n, inputs: k } = weight as IntegerWeight;
    const mark = kernels.mark();
    const sums = kernels.integers(input.rows * n);
    await this.#gemm.int8(sums, input.codes, codes, { m: input.rows, k, n });
    kernels.dequantize(output.data, sums, { row: input.scale, column: scale, bias }, n);
    kernels.release(mark);
  }

  /** The output carries int8 values: what a GEMM that reads it receives. */
  requantize({ site, output }: Projection): void {
    const { granularity, scale } = this.#arithmetic.activations;
    const kernels = this.#kernels;
    if (granularity === 'token') {
      kernels.fakeQuantizeRows(output.data, output.columns);
    } else {
      const max =
        scale === 'static' ? calibrated(this.#calibration, site).output : kernels.absMax(output.data);
      kernels.fakeQuantize(output.data, scaleOf(max));
    }
  }

  scores({ qk, queries, keys, groups, m, n, d }: Attention): ScoreProduct {
    const kernels = this.#kernels;
    const statistics = () => calibrated(this.#calibration, qk).operands!;
    const q = this.#encodeRows(queries, d, () => statistics().left);
    const k = this.#encodeSigned(keys, d, () => statistics().right);
    // The kernels multiply by [d, n].
    const turned = signedBytes(kernels, keys.length);
    for (let group = 0; group < groups; group++) {
      const [from, to] = [group * n * d, (group + 1) * n * d];
      kernels.transposeBytes(turned.subarray(from, to), k.codes.subarray(from, to), n, d);
    }
    return async (group, scores) => {
      const mark = kernels.mark();
      const sums = kernels.integers(m * n);
      const left = q.codes.subarray(group * m * d, (group + 1) * m * d);
      await this.#gemm.int8(sums, left, turned.subarray(group * n * d, (group + 1) * n * d), { m, k: d, n });
      kernels.dequantize(scores, sums, { row: part(q.scale, group, m), column: part(k.scale, group, n) }, n);
      kernels.release(mark);
    };
  }

  /**
   * A scale for each value row runs along the sum, where it cannot be taken out: it moves into the probabilities before
   * they are encoded, over a power of two, which is exact. With one scale for the tensor, probabilities have the scale
   * 1/127 by construction.
   */
  context({ sv, values, m, n, d }: Attention): ContextProduct {
    const kernels = this.#kernels;
    const v = this.#encodeSigned(values, d, () => calibrated(this.#calibration, sv).operands!.right);
    return async (group, probabilities, context) => {
      const mark = kernels.mark();
      const codes = kernels.bytes(m * n);
      let row: number | Float32Array = 1 / LARGEST;
      let column = v.scale as number;
      if (typeof v.scale === 'number') {
        kernels.quantize(codes, probabilities, row);
      } else {
        const scales = v.scale.subarray(group * n, (group + 1) * n);
        column = 2 ** Math.ceil(Math.log2(kernels.absMax(scales)));
        kernels.multiplyRow(
          probabilities,
          scales.map((scale) => scale / column),
        );
        row = kernels.floats(m);
        kernels.quantizeRows(codes, row, probabilities, n);
      }
      const sums = kernels.integers(m * d);
      const right = v.codes.subarray(group * n * d, (group + 1) * n * d);
      await this.#gemm.int8(sums, codes, right, { m, k: n, n: d });
      kernels.dequantize(context, sums, { row, column }, d);
      kernels.release(mark);
    };
  }

  #encodeRows(data: Float32Array, columns: number, staticMax: () => number): IntegerOperand {
    const { granularity, scale: kind } = this.#arithmetic.activations;
    const kernels = this.#kernels;
    const rows = data.length / columns;
    const codes = kernels.bytes(data.length);
    if (granularity === 'token') {
      const scale = kernels.floats(rows);
      kernels.quantizeRows(codes, scale, data, columns);
      return { codes, scale, rows };
    }
    const scale = scaleOf(kind === 'static' ? staticMax() : kernels.absMax(data));
    kernels.quantize(codes, data, scale);
    return { codes, scale, rows };
  }

  #encodeSigned(data: Float32Array, columns: number, staticMax: () => number) {
    const { granularity, scale: kind } = this.#arithmetic.activations;
    const kernels = this.#kernels;
    const codes = signedBytes(kernels, data.length);
    if (granularity === 'token') {
      const scale = kernels.floats(data.length / columns);
      kernels.quantizeSignedRows(codes, scale, data, columns);
      return { codes, scale };
    }
    const scale = scaleOf(kind === 'static' ? staticMax() : kernels.absMax(data));
    kernels.quantizeSigned(codes, data, scale);
    return { codes, scale };
  }

  /** Encodes a weight [outputs, inputs] by blocks of rows, and turns it to [inputs, outputs]. */
  #encodeWeight({ data, outputs, inputs }: WeightMatrix, factors: Float32Array | undefined): IntegerWeight {
    const kernels = this.#kernels;
    const perChannel = this.#arithmetic.weights.granularity === 'channel';
    const codes = new Int8Array(new SharedArrayBuffer(data.length));
    const scales = new Float32Array(new SharedArrayBuffer(perChannel ? outputs * 4 : 0));
    const step = Math.max(1, Math.min(outputs, Math.floor(CHUNK / inputs)));
    const block = (from: number) => {
      const values = kernels.load(data.subarray(from * inputs, Math.min(from + step, outputs) * inputs));
      if (factors) kernels.multiplyRow(values, factors);
      return values;
    };
    let scale = 0;
    if (!perChannel) {
      for (let from = 0; from < outputs; from += step) {
        const mark = kernels.mark();
        scale = Math.max(scale, scaleOf(kernels.absMax(block(from))));
        kernels.release(mark);
      }
    }
    for (let from = 0; from < outputs; from += step) {
      const mark = kernels.mark();
      const values = block(from);
      const rows = values.length / inputs;
      const encoded = signedBytes(kernels, values.length);
      if (perChannel) {
        const rowScales = kernels.floats(rows);
        kernels.quantizeSignedRows(encoded, rowScales, values, inputs);
        scales.set(rowScales, from);
      } else {
        kernels.quantizeSigned(encoded, values, scale);
      }
      const turned = signedBytes(kernels, values.length);
      kernels.transposeBytes(turned, encoded, rows, inputs);
      for (let i = 0; i < inputs; i++)
        codes.set(turned.subarray(i * rows, (i + 1) * rows), i * outputs + from);
      kernels.release(mark);
    }
    return { outputs, inputs, codes, scale: perChannel ? scales : scale };
  }
}

function scaleOf(max: number): number {
  return Math.fround(Math.fround(Math.max(max, FLOOR)) / LARGEST);
}

function signedBytes(kernels: Kernels, length: number): Int8Array {
  const { buffer, byteOffset } = kernels.bytes(length);
  return new Int8Array(buffer, byteOffset, length);
}

function shared(values: Float32Array): Float32Array {
  const out = new Float32Array(new SharedArrayBuffer(values.length * 4));
  out.set(values);
  return out;
}

function part(scale: number | Float32Array, group: number, length: number): number | Float32Array {
  return typeof scale === 'number' ? scale : scale.subarray(group * length, (group + 1) * length);
}
