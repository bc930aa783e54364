import type { Gemm } from './gemm.ts';

/** What a backend gets wrong on this machine; nothing where it may be used. */
export interface SelfTest {
  float32?: string;
  int8?: string;
  /** Set where a float32 row depends on the number of rows: good for all but recomputing single rows. */
  rows?: string;
}

const SHAPE = { m: 3, k: 64, n: 20 };

/** Multiplies small matrices that are wrong where a kernel saturates, or does not run at all. A few milliseconds. */
export async function selfTest(gemm: Gemm): Promise<SelfTest> {
  const float32 = await reason(() => testFloat32(gemm));
  const int8 = await reason(() => testInt8(gemm));
  const rows = await reason(() => testRows(gemm));
  return { ...(float32 && { float32 }), ...(int8 && { int8 }), ...(rows && { rows }) };
}

async function reason(test: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await test();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Small integers: every order of summation gives the same floats. */
async function testFloat32(gemm: Gemm): Promise<string | undefined> {
  const { m, k, n } = SHAPE;
  const a = Float32Array.from({ length: m * k }, (_, i) => ((i * 7) % 17) - 8);
  const b = Float32Array.from({ length: k * n }, (_, i) => ((i * 5) % 13) - 6);
  for (const transposed of [false, true]) {
    const c = new Float32Array(m * n);
    await gemm.float32(c, a, b, { ...SHAPE, transposed });
    const right = c.every((value, at) => {
      const j = at % n;
      return (
        value ===
        dot(
          k,
          (i) => a[Math.floor(at / n) * k + i],
          (i) => b[transposed ? j * k + i : i * n + j],
        )
      );
    });
    if (!right) return `float32 products are wrong${transposed ? ' (transposed)' : ''}`;
  }
  return undefined;
}

/** The last rows of 16 alone, by ones and by a few: the numbers at which kernels choose other tiles. */
async function testRows(gemm: Gemm): Promise<string | undefined> {
  const [rows, k, n] = [16, 300, 40];
  const a = Float32Array.from({ length: rows * k }, (_, i) => Math.sin(i));
  const b = Float32Array.from({ length: k * n }, (_, i) => Math.cos(i));
  for (const transposed of [false, true]) {
    const all = new Float32Array(rows * n);
    await gemm.float32(all, a, b, { m: rows, k, n, transposed });
    for (const m of [1, 2, 3, 5, 8, 13]) {
      const c = new Float32Array(m * n);
      await gemm.float32(c, a.subarray((rows - m) * k), b, { m, k, n, transposed });
      const expected = all.subarray((rows - m) * n);
      if (!c.every((value, i) => value === expected[i]))
        return `a float32 row among ${m} differs from one among ${rows}`;
    }
  }
  return undefined;
}

/**
 * Full-range operands. Instructions without VNNI add pairs of products in int16, where 255 · 127 + 255 · 127 and
 * 255 · -128 + 255 · -128 saturate: rows of 255 and columns of 127 and of -128 find that.
 */
async function testInt8(gemm: Gemm): Promise<string | undefined> {
  const { m, k, n } = SHAPE;
  const a = Uint8Array.from({ length: m * k }, (_, i) => (i < k ? 255 : i < 2 * k ? 0 : (i * 37) % 256));
  const b = Int8Array.from({ length: k * n }, (_, i) => {
    const column = i % n;
    return column === 0 ? 127 : column === 1 ? -128 : ((i * 91) % 256) - 128;
  });
  const c = new Int32Array(m * n);
  await gemm.int8(c, a, b, SHAPE);
  const right = c.every((value, at) => {
    const row = Math.floor(at / n) * k;
    return (
      value ===
      dot(
        k,
        (i) => a[row + i] - 128,
        (i) => b[i * n + (at % n)],
      )
    );
  });
  return right ? undefined : 'u8 x s8 saturates';
}

function dot(k: number, a: (i: number) => number, b: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < k; i++) sum += a(i) * b(i);
  return sum;
}
