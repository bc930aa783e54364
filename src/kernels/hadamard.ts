import { hadamardOrder, paleyMatrix } from './hadamard-matrix.ts';
import type { KernelExports } from './module.ts';
import { wholeRows } from './operands.ts';
import type { KernelStack } from './stack.ts';

/** A tile of the matrix product, for its edges. */
const SPARE = 192;

const matrices = new Map<number, Float32Array>();

/** Kernels.hadamard. */
export function hadamard(
  stack: KernelStack,
  exports: KernelExports,
  x: Float32Array,
  columns: number,
  inverse: boolean,
): void {
  wholeRows('hadamard', x.length, columns);
  const at = stack.at('hadamard', x);
  if (x.length === 0) return;
  const { order, small, power } = hadamardOrder(columns);
  const scale = Math.fround(1 / Math.sqrt(order));
  stack.scratch(() => {
    const matrix = small === 1 ? 0 : stack.load(smallMatrix(small, inverse)).byteOffset;
    const packed = small === 1 ? 0 : stack.take(Math.ceil(power / 8) * 32 * small);
    exports.hadamard(at, x.length / order, matrix, small, power, scale, packed, stack.take(SPARE));
  });
}

function smallMatrix(order: number, transposed: boolean): Float32Array {
  let matrix = matrices.get(order);
  if (!matrix) {
    matrix = paleyMatrix(order);
    matrices.set(order, matrix);
  }
  return transposed ? matrix.map((_, at) => matrix[(at % order) * order + Math.floor(at / order)]!) : matrix;
}
