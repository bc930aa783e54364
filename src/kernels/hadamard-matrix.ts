/*
 * Hadamard matrices: entries ±1, H · Hᵀ = n I. Of orders that are no power of two by Paley's constructions (R. E. A. C.
 * Paley, On orthogonal matrices, J. Math. Phys. 12, 1933), from the squares of a finite field of q elements:
 *   I   order q + 1 for q = 3 (mod 4)
 *   II  order 2 (q + 1) for q = 1 (mod 4); symmetric
 * with q a prime, its square or its cube.
 */

/** A larger matrix would cost more than the fast transform gains. Assumed. */
const LARGEST = 512;

/** How an orthonormal transform of rows of some length is made. */
export interface HadamardOrder {
  /** Values that mix: all of a row, or, where no matrix is at hand, a part, and the row is transformed part by part. */
  order: number;
  /** order = small · power: a matrix of Paley's (1: none) Kronecker the Walsh-Hadamard matrix of order `power`. */
  small: number;
  power: number;
}

/**
 * The transform of rows of `columns` values. Where columns = odd · 2^e: the smallest Paley matrix of order odd · 2^i (i = 2
 * to e, at most 512), Kronecker the Walsh-Hadamard matrix; where there is none (172 = 4 · 43, or e < 2), blocks of 2^e.
 */
export function hadamardOrder(columns: number): HadamardOrder {
  if (!(Number.isSafeInteger(columns) && columns > 0)) throw new Error(`hadamard: rows of ${columns} values`);
  let power = 1;
  while (columns % (2 * power) === 0) power *= 2;
  const odd = columns / power;
  if (odd === 1) return { order: columns, small: 1, power };
  for (let small = 4 * odd; small <= LARGEST && columns % small === 0; small *= 2) {
    if (construction(small)) return { order: columns, small, power: columns / small };
  }
  return { order: power, small: 1, power };
}

/** Paley's matrix of an order, [order, order], entries ±1. */
export function paleyMatrix(order: number): Float32Array {
  const found = construction(order);
  if (!found) throw new Error(`hadamard: no construction of order ${order}`);
  const core = conferenceMatrix(found.q);
  const n = found.q + 1;
  const out = new Float32Array(order * order);
  core.forEach((value, at) => {
    const [r, c] = [Math.floor(at / n), at % n];
    if (!found.doubled) {
      out[at] = r === c ? 1 : value;
      return;
    }
    // 0 becomes [[1, -1], [-1, -1]], ±1 becomes ±[[1, 1], [1, -1]].
    const block = value === 0 ? [1, -1, -1, -1] : [value, value, value, -value];
    for (let i = 0; i < 4; i++) out[(2 * r + (i >> 1)) * order + 2 * c + (i & 1)] = block[i]!;
  });
  return out;
}

interface Construction {
  q: number;
  /** Paley's second. */
  doubled: boolean;
}

function construction(order: number): Construction | undefined {
  if (order % 4 !== 0) return undefined;
  if (primePower(order - 1)) return { q: order - 1, doubled: false };
  const q = order / 2 - 1;
  return q % 4 === 1 && primePower(q) ? { q, doubled: true } : undefined;
}

/** Rows and columns: infinity, then the field's elements. Symmetric where q = 1 (mod 4), else skew. */
function conferenceMatrix(q: number): Int8Array {
  const n = q + 1;
  const out = new Int8Array(n * n);
  const { subtract, squares } = field(q);
  for (let r = 0; r < q; r++) {
    out[r + 1] = 1;
    out[(r + 1) * n] = q % 4 === 1 ? 1 : -1;
    for (let c = 0; c < q; c++) {
      if (r !== c) out[(r + 1) * n + c + 1] = squares.has(subtract(r, c)) ? 1 : -1;
    }
  }
  return out;
}

interface Field {
  subtract(a: number, b: number): number;
  /** Of the elements other than 0. */
  squares: Set<number>;
}

/**
 * GF(p^d), d <= 3: polynomials over GF(p) modulo one of degree d without roots, which at these degrees is irreducible.
 * An element is the number whose digits in base p are its coefficients.
 */
function field(q: number): Field {
  const { p, d } = primePower(q)!;
  const digits = (a: number) => Array.from({ length: d }, (_, i) => Math.floor(a / p ** i) % p);
  const number = (coefficients: number[]) => coefficients.reduce((sum, value, i) => sum + value * p ** i, 0);
  // x^d = reduction, a polynomial of lower degree.
  let reduction = digits(0);
  const hasRoot = () => {
    for (let x = 0; x < p; x++) {
      const value = reduction.reduce((sum, coefficient, i) => sum + coefficient * x ** i, 0);
      if ((value - x ** d) % p === 0) return true;
    }
    return false;
  };
  for (let a = 1; d > 1 && hasRoot(); a++) reduction = digits(a);
  const squares = new Set<number>();
  for (let a = 1; a < q; a++) {
    const coefficients = digits(a);
    const product = new Array<number>(2 * d - 1).fill(0);
    coefficients.forEach((left, i) => {
      coefficients.forEach((right, j) => {
        product[i + j] = (product[i + j]! + left * right) % p;
      });
    });
    for (let i = 2 * d - 2; i >= d; i--) {
      reduction.forEach((coefficient, j) => {
        product[i - d + j] = (product[i - d + j]! + product[i]! * coefficient) % p;
      });
    }
    squares.add(number(product.slice(0, d)));
  }
  return {
    subtract: (a, b) => {
      const right = digits(b);
      return number(digits(a).map((value, i) => (value - right[i]! + p) % p));
    },
    squares,
  };
}

/** p and d with q = p^d, d = 1 to 3. */
function primePower(q: number): { p: number; d: number } | undefined {
  for (const d of [1, 2, 3]) {
    const p = Math.round(q ** (1 / d));
    if (p ** d === q && isPrime(p)) return { p, d };
  }
  return undefined;
}

function isPrime(n: number): boolean {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return n > 1;
}
