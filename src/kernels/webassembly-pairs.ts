import type { RoundTo } from './format-kernels.ts';
import type { KernelExports } from './module.ts';
import { same, wholeRows } from './operands.ts';
import type { PairCoding, PairKernels } from './pair-kernels.ts';
import type { KernelStack } from './stack.ts';

/** Stored bits of a float32's mantissa. */
const MANTISSA = 23;

/** The kernels of `assembly/olive.ts` over the stack of a thread. */
export class WebAssemblyPairKernels implements PairKernels {
  readonly #stack: KernelStack;
  readonly #exports: KernelExports;

  constructor(stack: KernelStack, exports: KernelExports) {
    this.#stack = stack;
    this.#exports = exports;
  }

  roundPairs(x: Float32Array, scales: Float32Array, columns: number, coding: PairCoding, to: RoundTo): void {
    const rows = wholeRows('roundPairs', x.length, columns);
    const step = stepOf('roundPairs', scales.length, rows);
    const at = this.#stack.at('roundPairs', x);
    this.#stack.scratch(() => {
      const [scalesAt, numbers] = [this.#stack.vector(scales), this.#numbers(coding)];
      const { dropped, flint, later } = shapeOf(coding);
      const values = to === 'values';
      this.#exports.roundPairs(at, scalesAt, step * 4, rows, columns, numbers, dropped, flint, later, values);
    });
  }

  pairErrors(
    errors: Float64Array,
    x: Float32Array,
    scales: Float32Array,
    groups: number,
    columns: number,
    coding: PairCoding,
  ): void {
    const rows = wholeRows('pairErrors', x.length, columns);
    if (rows === 0) return;
    const together = stepOf('pairErrors', groups, rows) === 0 ? rows : 1;
    const count = scales.length / groups;
    if (!Number.isInteger(count))
      throw new Error(`pairErrors: ${scales.length} scales are no whole number for each of ${groups} groups`);
    same('pairErrors', 'errors', errors.length, scales.length);
    const at = this.#stack.at('pairErrors', x);
    this.#stack.scratch(() => {
      const sums = this.#stack.take(errors.length * 8);
      const [scalesAt, numbers] = [this.#stack.vector(scales), this.#numbers(coding)];
      const { dropped, flint, later } = shapeOf(coding);
      this.#exports.pairErrors(
        sums,
        at,
        scalesAt,
        count,
        rows,
        together,
        columns,
        numbers,
        dropped,
        flint,
        later,
      );
      errors.set(new Float64Array(this.#stack.memory.buffer, sums, errors.length));
    });
  }

  /** Address of the numbers that the kernels read. */
  #numbers({ cut, largest, lowest, highest }: PairCoding): number {
    return this.#stack.load(Float32Array.of(cut, largest, lowest, highest)).byteOffset;
  }
}

function shapeOf({ normal, variant, mantissaBits }: PairCoding) {
  return {
    dropped: MANTISSA - mantissaBits,
    flint: normal === 'flint',
    later: variant === 'reference-code',
  };
}

/** From a row's scale to the next: 0 where there is one for all. */
function stepOf(kernel: string, scales: number, rows: number): 0 | 1 {
  if (scales === rows && rows !== 1) return 1;
  if (rows > 0) same(kernel, 'scales', scales, 1);
  return 0;
}
