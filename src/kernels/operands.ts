import type { GemmShape } from './gemm.ts';

/** Throws where a matrix does not have the size that the shape says. */
export function checkOperands(
  kernel: string,
  c: { length: number },
  a: { length: number },
  b: { length: number },
  shape: GemmShape,
): void {
  const { m, k, n } = shape;
  for (const [name, size] of Object.entries({ m, k, n })) {
    if (!(Number.isSafeInteger(size) && size >= 0)) throw new Error(`${kernel} product: ${name} is ${size}`);
  }
  const expected: [string, number, number][] = [
    ['c', c.length, m * n],
    ['a', a.length, m * k],
    ['b', b.length, k * n],
  ];
  for (const [name, length, wanted] of expected) {
    if (length !== wanted) {
      throw new Error(
        `${kernel} product: ${name} has ${length} values, expected ${wanted} (m ${m}, k ${k}, n ${n})`,
      );
    }
  }
}
