import type { TensorFormat } from '../formats/index.ts';
import type { Gemm, Kernels } from '../kernels/index.ts';
import type { Attention, Matrix, Site } from '../model/index.ts';
import type { ContextProduct, ScoreProduct } from './engine.ts';
import { checkFinite } from './finite.ts';
import { FloatProduct } from './float-product.ts';
import { GroupProduct } from './group-product.ts';
import { applyScales, type Elements, type Multiplier, rowScale } from './multiplier.ts';
import { groupSize } from './product.ts';

/**
 * The two attention products, both operands in the format of the activations. Elements are summed in float32 (exact for
 * integers below 2^24), or by groups where the format has them.
 */
export class ScaledAttention {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #format: TensorFormat;
  readonly #product: Multiplier;

  constructor(kernels: Kernels, gemm: Gemm, format: TensorFormat) {
    this.#kernels = kernels;
    this.#gemm = gemm;
    this.#format = format;
    this.#product = (
      groupSize(format) === undefined
        ? new FloatProduct(kernels, gemm, format, format)
        : new GroupProduct(kernels, format, format)
    ) as Multiplier;
  }

  /** queries · keysᵀ; the scales of both come out of the sum over a head's values. */
  scores({ qk, queries, keys, groups, m, n, d }: Attention): ScoreProduct {
    const q = this.#encode(qk, queries, d);
    const k = this.#encode(qk, keys, d);
    return async (block, scores) => {
      const left = this.#rows(q, block.group * m + block.first, block.rows, groups * m);
      const right = this.#rows(k, block.group * n, block.keys, groups * n);
      await this.#multiply(left, right, { data: scores, rows: block.rows, columns: block.keys });
    };
  }

  /**
   * probabilities · values. The sum runs over tokens: groups lie along them, so that the values seen by a block are turned
   * and encoded for it. A scale a token cannot be taken out of the sum: it moves into the probabilities before these are
   * encoded, over a power of two, which is exact.
   */
  context({ sv, values, groups, n, d }: Attention): ContextProduct {
    const kernels = this.#kernels;
    if (groupSize(this.#format) !== undefined) {
      return async (block, probabilities, context) => {
        const mark = kernels.mark();
        const seen = values.subarray(block.group * n * d, (block.group * n + block.keys) * d);
        const turned = kernels.floats(seen.length);
        kernels.transpose(turned, seen, block.keys, d);
        const right = this.#encode(sv, turned, block.keys);
        const left = this.#encode(sv, probabilities, block.keys);
        await this.#multiply(left, right, { data: context, rows: block.rows, columns: d });
        kernels.release(mark);
      };
    }
    const v = this.#encode(sv, values, d);
    return async (block, probabilities, context) => {
      const mark = kernels.mark();
      const { data, fit } = this.#rows(v, block.group * n, block.keys, groups * n);
      let scale = rowScale(this.#format, fit);
      if (typeof scale !== 'number') {
        const power = 2 ** Math.ceil(Math.log2(kernels.absMax(kernels.load(scale))));
        kernels.multiplyRow(
          probabilities,
          scale.map((each) => each / power),
        );
        scale = power;
      }
      const left = this.#encode(sv, probabilities, block.keys);
      const shape = { m: block.rows, k: block.keys, n: d, transposed: false };
      await this.#gemm.float32(context, left.data, data, shape);
      const output = { data: context, rows: block.rows, columns: d };
      applyScales(kernels, output, rowScale(this.#format, left.fit), scale);
      kernels.release(mark);
    };
  }

  /** Encodes in place. */
  #encode(site: Site, data: Float32Array, columns: number): Elements {
    checkFinite(this.#kernels, site, data, columns);
    const fit = this.#format.fit(this.#kernels, data, columns);
    this.#format.round(this.#kernels, data, columns, fit, 'elements');
    return { data, rows: data.length / columns, columns, fit };
  }

  /** Some of `total` rows, with their scales. */
  #rows({ data, columns, fit }: Elements, from: number, rows: number, total: number): Elements {
    const { scales } = fit;
    const each = scales.length / total;
    const own = Number.isInteger(each) && this.#format.granularity !== 'tensor';
    return {
      data: data.subarray(from * columns, (from + rows) * columns),
      rows,
      columns,
      fit: own ? { ...fit, scales: scales.subarray(from * each, (from + rows) * each) } : fit,
    };
  }

  #multiply(left: Elements, right: Elements, output: Matrix): Promise<void> {
    const product = this.#product;
    return product.multiply(product.left(left), product.right(right), output);
  }
}
