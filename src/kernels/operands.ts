import type { GemmShape } from './gemm.ts';

/** Checks of arguments; each throws an Error that names the kernel. */

export function same(kernel: string, argument: string, length: number, expected: number): void {
  if (length !== expected)
    throw new Error(`${kernel}: ${argument} has ${length} values, expected ${expected}`);
}

export function natural(kernel: string, argument: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) throw new Error(`${kernel}: ${argument} is ${value}`);
}

/** How many rows of `columns` the values make. */
export function wholeRows(kernel: string, length: number, columns: number): number {
  natural(kernel, 'columns', columns);
  const rows = columns === 0 ? 0 : length / columns;
  if (!Number.isInteger(rows) || rows * columns !== length) {
    throw new Error(`${kernel}: ${length} values are no whole rows of ${columns}`);
  }
  return rows;
}

/** The matrices of a product, c[m,n] = a[m,k] · b. */
export function checkOperands(
  kernel: string,
  c: { length: number },
  a: { length: number },
  b: { length: number },
  shape: GemmShape,
): void {
  const { m, k, n } = shape;
  natural(kernel, 'm', m);
  natural(kernel, 'k', k);
  natural(kernel, 'n', n);
  const size = `m ${m}, k ${k}, n ${n}`;
  same(`${kernel} (${size})`, 'c', c.length, m * n);
  same(`${kernel} (${size})`, 'a', a.length, m * k);
  same(`${kernel} (${size})`, 'b', b.length, k * n);
}
