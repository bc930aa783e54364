import type { AlgebraKernels } from './algebra-kernels.ts';
import type { GroupLayout } from './format-kernels.ts';
import type { KernelExports } from './module.ts';
import { natural, same, wholeRows } from './operands.ts';
import type { KernelStack } from './stack.ts';

/** Scratch of a factorisation, in bytes a row (see `assembly/cholesky.ts`). */
const CHOLESKY_SCRATCH = 512;

/** The linear algebra of `assembly/` over the stack of a thread. */
export class WebAssemblyAlgebraKernels implements AlgebraKernels {
  readonly #stack: KernelStack;
  readonly #exports: KernelExports;

  constructor(stack: KernelStack, exports: KernelExports) {
    this.#stack = stack;
    this.#exports = exports;
  }

  cholesky(a: Float64Array, n: number): number {
    same('cholesky', 'a', a.length, n * n);
    const at = this.#stack.at('cholesky', a);
    let failed = -1;
    this.#stack.scratch(() => {
      failed = this.#exports.cholesky(at, n, this.#stack.take(n * CHOLESKY_SCRATCH));
    });
    return failed;
  }

  gatherRow(out: Float64Array, x: Float32Array, order: Int32Array): void {
    same('gatherRow', 'out', out.length, order.length);
    const [to, from] = [this.#stack.at('gatherRow', out), this.#stack.at('gatherRow', x)];
    this.#exports.gatherRow(to, from, this.#stack.at('gatherRow', order), order.length);
  }

  unitRows(
    out: Float32Array,
    m: Float64Array,
    {
      n,
      row,
      rows,
      first,
      columns,
    }: { n: number; row: number; rows: number; first: number; columns: number },
  ): void {
    same('unitRows', 'm', m.length, n * n);
    same('unitRows', 'out', out.length, rows * columns);
    if (row + rows > n || first + columns > n) throw new Error('unitRows: a part beyond the matrix');
    const [to, from] = [this.#stack.at('unitRows', out), this.#stack.at('unitRows', m)];
    this.#exports.unitRows(to, from, n, row, rows, first, columns);
  }

  addScaledRows(x: Float32Array, rows: Float32Array, factors: Float32Array): void {
    same('addScaledRows', 'rows', rows.length, factors.length * x.length);
    const [to, from] = [this.#stack.at('addScaledRows', x), this.#stack.at('addScaledRows', rows)];
    this.#stack.scratch(() => {
      this.#exports.addScaledRows(to, from, this.#stack.vector(factors), factors.length, x.length);
    });
  }

  columnAbsSums(out: Float64Array, x: Float32Array): void {
    const rows = wholeRows('columnAbsSums', x.length, out.length);
    const from = this.#stack.at('columnAbsSums', x);
    this.#stack.scratch(() => {
      const sums = this.#stack.doubles(out.length);
      sums.set(out);
      this.#exports.columnAbsSums(sums.byteOffset, from, rows, out.length);
      out.set(sums);
    });
  }

  rowDots(out: Float64Array, x: Float32Array, y: Float32Array): void {
    same('rowDots', 'y', y.length, x.length);
    natural('rowDots', 'columns', x.length / Math.max(out.length, 1));
    const [left, right] = [this.#stack.at('rowDots', x), this.#stack.at('rowDots', y)];
    this.#stack.scratch(() => {
      const sums = this.#stack.doubles(out.length);
      this.#exports.rowDots(sums.byteOffset, left, right, out.length, x.length / Math.max(out.length, 1));
      out.set(sums);
    });
  }

  mirrorUpper(x: Float32Array, n: number, factor: number): void {
    same('mirrorUpper', 'x', x.length, n * n);
    this.#exports.mirrorUpper(this.#stack.at('mirrorUpper', x), n, factor);
  }

  clampGroups(x: Float32Array, limits: Float32Array, { columns, group }: GroupLayout): void {
    const rows = wholeRows('clampGroups', x.length, columns);
    if (!(group >= 1)) throw new Error(`clampGroups: a group of ${group} values`);
    same('clampGroups', 'limits', limits.length, rows * Math.ceil(columns / group));
    const at = this.#stack.at('clampGroups', x);
    this.#stack.scratch(() => {
      this.#exports.clampGroups(at, this.#stack.vector(limits), rows, columns, group);
    });
  }

  copyColumns(
    out: Float32Array,
    x: Float32Array,
    { columns, first, count }: { columns: number; first: number; count: number },
  ): void {
    const rows = wholeRows('copyColumns', x.length, columns);
    same('copyColumns', 'out', out.length, rows * count);
    if (first + count > columns) throw new Error('copyColumns: a part beyond the matrix');
    const [to, from] = [this.#stack.at('copyColumns', out), this.#stack.at('copyColumns', x)];
    this.#exports.copyColumns(to, from, rows, columns, first, count);
  }
}
