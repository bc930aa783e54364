import type { Gemm, Kernels } from '../kernels/index.ts';
import type { Attention, Matrix, PreparedWeight, Projection, Site, WeightMatrix } from '../model/index.ts';
import { type Calibration, calibrated } from './calibration.ts';
import type { ContextProduct, Engine, ScoreProduct } from './engine.ts';
import {
  type CodedRows,
  multiplyPanels,
  type Panels,
  packPanels,
  part,
  rowBlocks,
  signedBytes,
} from './panels.ts';
import type { IntegerArithmetic } from './plan.ts';
import { smoothingFactors } from './smoothquant.ts';
import { shared } from './weights/quantized-weight.ts';

interface IntegerWeight extends PreparedWeight, Panels {
  /** One scale, or one for each output. */
  scale: number | Float32Array;
  /** SmoothQuant: the input is multiplied by these first, [inputs]. */
  smoothing?: Float32Array | undefined;
}

const LARGEST = 127;
/** Floor of an absolute maximum: keeps a scale away from 0 (as ReaLM's and SmoothQuant's code). */
const FLOOR = 1e-5;

/**
 * int8 operands, true int32 accumulators: symmetric, scale = max(|x|, 1e-5) / 127, codes ±127, ties to even
 * (ReaLM; SmoothQuant). The sums are decoded as sum · (input scale · weight scale) + bias in float32.
 */
export class IntegerEngine implements Engine<CodedRows, IntegerWeight> {
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

  encode(site: Site, input: Matrix, weight: IntegerWeight): CodedRows {
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

  async multiply(input: CodedRows, projection: Projection): Promise<void> {
    const { bias, output } = projection;
    const weight = projection.weight as IntegerWeight;
    await multiplyPanels(this.#kernels, this.#gemm, input, weight, { output, bias });
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

  scores({ qk, queries, keys, m, n, d }: Attention): ScoreProduct {
    const kernels = this.#kernels;
    const statistics = () => calibrated(this.#calibration, qk).operands!;
    const q = this.#encodeRows(queries, d, () => statistics().left);
    const k = this.#encodeSigned(keys, d, () => statistics().right);
    return async (block, scores) => {
      const mark = kernels.mark();
      const [row, key] = [block.group * m + block.first, block.group * n];
      // The kernels multiply by [d, keys].
      const turned = signedBytes(kernels, block.keys * d);
      kernels.transposeBytes(turned, k.codes.subarray(key * d, (key + block.keys) * d), block.keys, d);
      const sums = kernels.integers(scores.length);
      const left = q.codes.subarray(row * d, (row + block.rows) * d);
      await this.#gemm.int8(sums, left, turned, { m: block.rows, k: d, n: block.keys });
      const scales = { row: part(q.scale, row, block.rows), column: part(k.scale, key, block.keys) };
      kernels.dequantize(scores, sums, scales, block.keys);
      kernels.release(mark);
    };
  }

  /**
   * A scale for each value row runs along the sum, where it cannot be taken out: it moves into the probabilities before
   * they are encoded, over a power of two, which is exact. With one scale for the tensor, probabilities have the scale
   * 1/127 by construction.
   */
  context({ sv, values, n, d }: Attention): ContextProduct {
    const kernels = this.#kernels;
    const v = this.#encodeSigned(values, d, () => calibrated(this.#calibration, sv).operands!.right);
    return async (block, probabilities, context) => {
      const mark = kernels.mark();
      const key = block.group * n;
      const codes = kernels.bytes(probabilities.length);
      let row: number | Float32Array = 1 / LARGEST;
      let column: number;
      if (typeof v.scale === 'number') {
        column = v.scale;
        kernels.quantize(codes, probabilities, row);
      } else {
        const scales = v.scale.subarray(key, key + block.keys);
        const power = 2 ** Math.ceil(Math.log2(kernels.absMax(scales)));
        column = power;
        kernels.multiplyRow(
          probabilities,
          scales.map((scale) => scale / power),
        );
        row = kernels.floats(block.rows);
        kernels.quantizeRows(codes, row, probabilities, block.keys);
      }
      const sums = kernels.integers(context.length);
      const right = v.codes.subarray(key * d, (key + block.keys) * d);
      await this.#gemm.int8(sums, codes, right, { m: block.rows, k: block.keys, n: d });
      kernels.dequantize(context, sums, { row, column }, d);
      kernels.release(mark);
    };
  }

  #encodeRows(data: Float32Array, columns: number, staticMax: () => number): CodedRows {
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

  /** Encodes a weight [outputs, inputs] by blocks of rows. */
  #encodeWeight({ data, outputs, inputs }: WeightMatrix, factors: Float32Array | undefined): IntegerWeight {
    const kernels = this.#kernels;
    const perChannel = this.#arithmetic.weights.granularity === 'channel';
    const scales = new Float32Array(new SharedArrayBuffer(perChannel ? outputs * 4 : 0));
    const block = (from: number, to: number) => {
      const values = kernels.load(data.subarray(from * inputs, to * inputs));
      if (factors) kernels.multiplyRow(values, factors);
      return values;
    };
    let scale = 0;
    if (!perChannel) {
      for (const [from, to] of rowBlocks(outputs, inputs)) {
        const mark = kernels.mark();
        scale = Math.max(scale, scaleOf(kernels.absMax(block(from, to))));
        kernels.release(mark);
      }
    }
    const panels = packPanels(kernels, { outputs, inputs }, (from, to) => {
      const values = block(from, to);
      const encoded = signedBytes(kernels, values.length);
      if (perChannel) {
        const rowScales = kernels.floats(to - from);
        kernels.quantizeSignedRows(encoded, rowScales, values, inputs);
        scales.set(rowScales, from);
      } else {
        kernels.quantizeSigned(encoded, values, scale);
      }
      return encoded;
    });
    return { ...panels, scale: perChannel ? scales : scale };
  }
}

function scaleOf(max: number): number {
  return Math.fround(Math.fround(Math.max(max, FLOOR)) / LARGEST);
}
