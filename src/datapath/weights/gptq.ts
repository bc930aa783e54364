import { InputError } from '../../errors.ts';
import type { Fit, TensorFormat } from '../../formats/index.ts';
import type { Gemm, Kernels } from '../../kernels/index.ts';
import type { WeightMatrix } from '../../model/index.ts';
import { type Factor, factorize } from './gptq-factor.ts';
import { mergeFits } from './merge-fits.ts';
import { applyScales, type QuantizedWeight } from './quantized-weight.ts';

/*
 * GPTQ (Frantar et al., ICLR 2023): the columns of a weight one after the other, each rounded after it has taken over what
 * the columns before it got wrong, so that the output error tr((W - Ŵ) H (W - Ŵ)ᵀ) stays small.
 *
 * The paper subtracts (w - ŵ) / U_jj · U_j from the columns to come, U upper triangular with H⁻¹ = Uᵀ U. With
 * M = U⁻ᵀ, so that H = Mᵀ M and M is lower triangular, the same column j is, errors e_i = w_i - ŵ_i so far,
 *
 *     w_j + Σ_{i<j} e_i · M_ji / M_jj
 *
 * (Chee et al., QuIP, NeurIPS 2023, theorem 6: LDLQ). This takes no inverse of H, and the sum over the columns of earlier
 * blocks is a product of matrices.
 *
 * dead inputs   zeros on H's diagonal: their weights become 0 (the public code), and count as 0 in the mean that damps
 * damping       this share of H's mean diagonal is added to the diagonal (0.01 in the paper)
 * order         `natural`, or `activation`: columns of large H_jj first (the public code's --act-order)
 * scales        row and tensor: fitted once, on the weights as they are. Groups: fitted when their first column comes, on
 *               their weights as updated by then; in activation order on the weights as they are (--static-groups)
 * pairs         formats that code two columns together: both take over the errors before them, are rounded jointly, and
 *               both errors go on
 */

export interface GptqOptions {
  /** Share of the mean diagonal of H that is added to its diagonal. */
  damping?: number;
  /** Columns between two products of matrices; does not change the result but for the last bits. */
  block?: number;
  order?: 'natural' | 'activation';
}

/**
 * Weights that share an input, quantised with GPTQ.
 *
 * @param hessian 2/N Σ x xᵀ of the input, [inputs, inputs], any buffer
 * @throws InputError where H is not positive definite, or groups split the pairs of a format
 */
export async function gptq(
  kernels: Kernels,
  gemm: Gemm,
  weights: readonly WeightMatrix[],
  format: TensorFormat,
  hessian: Float32Array,
  { damping = 0.01, block = 128, order = 'natural' }: GptqOptions = {},
): Promise<QuantizedWeight[]> {
  const mark = kernels.mark();
  try {
    const factor = factorize(kernels, hessian, weights[0]!.inputs, format, damping, order);
    const results: QuantizedWeight[] = [];
    for (const weight of weights) {
      const inner = kernels.mark();
      results.push(await new Columns(kernels, gemm, weight, format, factor).quantize(block));
      kernels.release(inner);
    }
    return results;
  } finally {
    kernels.release(mark);
  }
}

/** One weight, turned to [inputs, outputs] so that a column lies in one piece, in the order of the columns' turn. */
class Columns {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #weight: WeightMatrix;
  readonly #format: TensorFormat;
  readonly #factor: Factor;
  /** Columns that share scales: all but where the format has groups. */
  readonly #group: number;

  constructor(kernels: Kernels, gemm: Gemm, weight: WeightMatrix, format: TensorFormat, factor: Factor) {
    this.#kernels = kernels;
    this.#gemm = gemm;
    this.#weight = weight;
    this.#format = format;
    this.#factor = factor;
    const { granularity, granule } = format;
    this.#group =
      typeof granularity === 'object' ? Math.min(granularity.group, weight.inputs) : weight.inputs;
    if (this.#group < weight.inputs && this.#group % granule !== 0) {
      throw new InputError(`GPTQ: groups of ${this.#group} split the pairs of ${format.name}`, {
        note: 'give an even group size',
      });
    }
  }

  async quantize(blockSize: number): Promise<QuantizedWeight> {
    const kernels = this.#kernels;
    const { outputs, inputs } = this.#weight;
    const { granule } = this.#format;
    const turned = kernels.floats(inputs * outputs);
    const { whole, fits } = this.#load(turned);
    const elements = kernels.floats(inputs * outputs);
    // Groups are fitted from within a block.
    const unit = this.#group < inputs ? this.#group : granule;
    const step = Math.max(unit, Math.floor(blockSize / unit) * unit);
    for (let from = 0; from < inputs; from += step) {
      const mark = kernels.mark();
      const block = await this.#block(turned, from, Math.min(step, inputs - from));
      for (let turn = from; turn < from + block.length; turn += granule) {
        const column = this.#factor.order[turn]!;
        const group = Math.floor(column / this.#group);
        fits[group] ??= this.#fitGroup(block, turn, whole);
        this.#round(block, turn, Math.min(granule, from + block.length - turn), fits[group], elements);
      }
      kernels.release(mark);
    }
    return {
      outputs,
      inputs,
      elements: this.#turnBack(elements),
      fit: mergeFits(whole, fits as Fit[], outputs),
    };
  }

  /** Fills `turned`, and fits what is fitted before the first column comes: all but groups in natural order. */
  #load(turned: Float32Array): { whole: Fit; fits: (Fit | undefined)[] } {
    const kernels = this.#kernels;
    const { data, outputs, inputs } = this.#weight;
    const { order, natural, dead } = this.#factor;
    const format = this.#format;
    const mark = kernels.mark();
    const x = kernels.load(data);
    if (dead.length > 0) {
      const alive = new Float32Array(inputs).fill(1);
      for (const column of dead) alive[column] = 0;
      kernels.multiplyRow(x, alive);
    }
    const whole = format.fit(kernels, x, inputs);
    const groups = Math.ceil(inputs / this.#group);
    const fits: (Fit | undefined)[] = groups === 1 ? [whole] : new Array(groups).fill(undefined);
    if (groups > 1 && !natural) {
      for (const group of fits.keys()) {
        const first = group * this.#group;
        const count = Math.min(this.#group, inputs - first);
        const inner = kernels.mark();
        const part = kernels.floats(outputs * count);
        kernels.algebra.copyColumns(part, x, { columns: inputs, first, count });
        fits[group] = format.fit(kernels, part, count, whole);
        kernels.release(inner);
      }
    }
    if (natural) {
      kernels.transpose(turned, x, outputs, inputs);
    } else {
      const straight = kernels.floats(turned.length);
      kernels.transpose(straight, x, outputs, inputs);
      for (const [turn, column] of order.entries()) {
        turned.set(straight.subarray(column * outputs, (column + 1) * outputs), turn * outputs);
      }
    }
    kernels.release(mark);
    return { whole, fits };
  }

  /** Columns from `from` on, with what the errors of all columns before them add. */
  async #block(turned: Float32Array, from: number, length: number): Promise<Block> {
    const kernels = this.#kernels;
    const { outputs, inputs: n } = this.#weight;
    const { m } = this.#factor;
    const carried = kernels.floats(length * outputs);
    const ratios = kernels.floats(length * length);
    kernels.algebra.unitRows(ratios, m, { n, row: from, rows: length, first: from, columns: length });
    if (from === 0) {
      carried.fill(0);
    } else {
      const mark = kernels.mark();
      const left = kernels.floats(length * from);
      kernels.algebra.unitRows(left, m, { n, row: from, rows: length, first: 0, columns: from });
      await this.#gemm.float32(carried, left, turned.subarray(0, from * outputs), {
        m: length,
        k: from,
        n: outputs,
        transposed: false,
      });
      kernels.release(mark);
    }
    return { turned, from, length, carried, ratios };
  }

  /**
   * Columns [turn, turn + count) as the errors before `turn` leave them, [count, outputs]: each after the first takes over
   * what it would if those before it were kept as they are here.
   */
  #updated({ turned, from, length, carried, ratios }: Block, turn: number, count: number): Float32Array {
    const kernels = this.#kernels;
    const { outputs } = this.#weight;
    const row = (values: Float32Array, at: number, rows = 1) =>
      values.subarray(at * outputs, (at + rows) * outputs);
    const targets = kernels.floats(count * outputs);
    const mark = kernels.mark();
    const kept = kernels.floats(count * outputs);
    for (let i = 0; i < count; i++) {
      const at = turn - from + i;
      const target = row(targets, i);
      target.set(row(turned, turn + i));
      kernels.add(target, row(carried, at));
      const factors = ratios.subarray(at * length, at * length + at);
      kernels.algebra.addScaledRows(target, row(turned, from, turn - from), factors.subarray(0, turn - from));
      kernels.algebra.addScaledRows(target, row(kept, 0, i), factors.subarray(turn - from));
      if (i + 1 < count) {
        row(kept, i).set(row(turned, turn + i));
        this.#subtract(row(kept, i), target);
      }
    }
    kernels.release(mark);
    return targets;
  }

  #fitGroup(block: Block, turn: number, whole: Fit): Fit {
    const kernels = this.#kernels;
    const mark = kernels.mark();
    const count = Math.min(this.#group, block.from + block.length - turn);
    const columns = this.#updated(block, turn, count);
    const fit = this.#format.fit(kernels, this.#byRows(columns, count), count, whole);
    kernels.release(mark);
    return fit;
  }

  /** Rounds columns [turn, turn + count) and leaves their errors in their place. */
  #round(block: Block, turn: number, count: number, fit: Fit, elements: Float32Array): void {
    const kernels = this.#kernels;
    const { outputs } = this.#weight;
    const mark = kernels.mark();
    const x = this.#byRows(this.#updated(block, turn, count), count);
    this.#format.round(kernels, x, count, fit, 'elements');
    const keep = (values: Float32Array, use: (column: Float32Array, i: number) => void) => {
      const columns = kernels.floats(values.length);
      kernels.transpose(columns, values, outputs, count);
      for (let i = 0; i < count; i++) use(columns.subarray(i * outputs, (i + 1) * outputs), i);
    };
    keep(x, (column, i) => elements.set(column, this.#factor.order[turn + i]! * outputs));
    applyScales(kernels, x, count, this.#format, fit);
    keep(x, (column, i) => {
      this.#subtract(block.turned.subarray((turn + i) * outputs, (turn + i + 1) * outputs), column);
    });
    kernels.release(mark);
  }

  #byRows(columns: Float32Array, count: number): Float32Array {
    if (count === 1) return columns;
    const rows = this.#kernels.floats(columns.length);
    this.#kernels.transpose(rows, columns, count, this.#weight.outputs);
    return rows;
  }

  #subtract(x: Float32Array, y: Float32Array): void {
    this.#kernels.algebra.addScaledRows(x, y, Float32Array.of(-1));
  }

  #turnBack(elements: Float32Array): Float32Array {
    const kernels = this.#kernels;
    const { outputs, inputs } = this.#weight;
    const out = new Float32Array(new SharedArrayBuffer(elements.length * 4));
    const mark = kernels.mark();
    const rows = kernels.floats(elements.length);
    kernels.transpose(rows, elements, inputs, outputs);
    out.set(rows);
    kernels.release(mark);
    return out;
  }
}

/** Columns between two products of matrices, of which those done hold their errors. */
interface Block {
  /** [inputs, outputs]: errors of the columns done, weights of the others. */
  turned: Float32Array;
  from: number;
  length: number;
  /** What the columns before the block add, [length, outputs]. */
  carried: Float32Array;
  /** M_ji / M_jj within the block, [length, length]. */
  ratios: Float32Array;
}
