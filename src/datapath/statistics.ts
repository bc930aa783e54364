import type { Gemm, Kernels } from '../kernels/index.ts';
import type { Matrix, SiteName } from '../model/index.ts';

/**
 * What calibration can collect of a site's input beside its largest magnitudes: the mean |x| of each channel (AWQ), the
 * second moments 2/N Σ x xᵀ (GPTQ, AWQ), some of its rows, and of the rows that come out (scales that are fitted once and
 * stay).
 */
export type Statistic = 'meanAbs' | 'hessian' | 'sample' | 'outputSample';

/** What to collect at which sites. Attention products have no weight: of them only samples. */
export type Wants = Partial<Record<SiteName, readonly Statistic[]>>;

/** Rows of an operand, over a shared buffer. */
export interface Sample {
  data: Float32Array;
  /** Length of a row; all of the data where rows are of several lengths (the probabilities of sv). */
  columns: number;
}

/** Rows of the second moments that are added at a time. */
const BLOCK = 256;

/** Collects the statistics of one input, over any number of sequences, in their order. */
export class InputStatistics {
  readonly #kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #inputs: number;
  #rows = 0;
  readonly #absSums: Float64Array | undefined;
  /** Σ x xᵀ, right of and above the diagonal blocks. */
  readonly #moments: Float32Array | undefined;
  readonly #sample: RowSample | undefined;

  constructor(
    kernels: Kernels,
    gemm: Gemm,
    inputs: number,
    wanted: ReadonlySet<Statistic>,
    sampleRows: number,
  ) {
    this.#kernels = kernels;
    this.#gemm = gemm;
    this.#inputs = inputs;
    if (wanted.has('meanAbs')) this.#absSums = new Float64Array(inputs);
    if (wanted.has('hessian')) this.#moments = new Float32Array(inputs * inputs);
    if (wanted.has('sample')) this.#sample = new RowSample(sampleRows);
  }

  async add({ data, rows, columns }: Matrix): Promise<void> {
    this.#rows += rows;
    if (this.#absSums) this.#kernels.algebra.columnAbsSums(this.#absSums, data);
    this.#sample?.add(data, columns);
    if (this.#moments) await this.#addMoments(this.#moments, data, rows);
  }

  /** What was collected so far. */
  result(): { meanAbs?: Float32Array; hessian?: Float32Array; sample?: Sample } {
    const rows = Math.max(this.#rows, 1);
    return {
      ...(this.#absSums && { meanAbs: Float32Array.from(this.#absSums, (sum) => sum / rows) }),
      ...(this.#moments && { hessian: this.#mirrored(this.#moments, 2 / rows) }),
      ...(this.#sample && { sample: this.#sample.result() }),
    };
  }

  async #addMoments(moments: Float32Array, data: Float32Array, rows: number): Promise<void> {
    const kernels = this.#kernels;
    const n = this.#inputs;
    const mark = kernels.mark();
    const turned = kernels.floats(data.length);
    kernels.transpose(turned, data, rows, n);
    for (let from = 0; from < n; from += BLOCK) {
      const inner = kernels.mark();
      const height = Math.min(BLOCK, n - from);
      const width = n - from;
      const product = kernels.floats(height * width);
      const right = turned.subarray(from * rows);
      const shape = { m: height, k: rows, n: width, transposed: true };
      await this.#gemm.float32(product, right.subarray(0, height * rows), right, shape);
      const sums = kernels.floats(product.length);
      const part = (r: number) => moments.subarray((from + r) * n + from, (from + r + 1) * n);
      for (let r = 0; r < height; r++) sums.set(part(r), r * width);
      kernels.add(sums, product);
      for (let r = 0; r < height; r++) part(r).set(sums.subarray(r * width, (r + 1) * width));
      kernels.release(inner);
    }
    kernels.release(mark);
  }

  #mirrored(moments: Float32Array, factor: number): Float32Array {
    const kernels = this.#kernels;
    const mark = kernels.mark();
    const whole = kernels.load(moments);
    kernels.algebra.mirrorUpper(whole, this.#inputs, factor);
    const out = new Float32Array(new SharedArrayBuffer(moments.length * 4));
    out.set(whole);
    kernels.release(mark);
    return out;
  }
}

/**
 * At most `limit` rows of those that come by, evenly picked: every row, until there are too many; then every second one of
 * those, and so on.
 */
export class RowSample {
  readonly #limit: number;
  #rows: Float32Array[] = [];
  #stride = 1;
  #seen = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(data: Float32Array, columns: number): void {
    for (let at = 0; at < data.length; at += columns) {
      if (this.#seen++ % this.#stride !== 0) continue;
      this.#rows.push(data.slice(at, at + columns));
      if (this.#rows.length <= this.#limit) continue;
      this.#rows = this.#rows.filter((_, i) => i % 2 === 0);
      this.#stride *= 2;
    }
  }

  result(): Sample {
    const length = this.#rows.reduce((sum, row) => sum + row.length, 0);
    const data = new Float32Array(new SharedArrayBuffer(length * 4));
    let at = 0;
    for (const row of this.#rows) {
      data.set(row, at);
      at += row.length;
    }
    const columns = this.#rows[0]?.length ?? 0;
    return { data, columns: this.#rows.every((row) => row.length === columns) ? columns : length };
  }
}
