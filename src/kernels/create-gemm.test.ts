import { afterEach, describe, expect, test, vi } from 'vitest';
import { createGemm } from './create-gemm.ts';
import type { Gemm } from './gemm.ts';
import { WebAssemblyGemm } from './gemm-webassembly.ts';
import { selfTest } from './self-test.ts';
import { createKernels } from './webassembly.ts';

const kernels = await createKernels();
const own = new WebAssemblyGemm(kernels);
const clamp = (x: number) => Math.max(-32768, Math.min(32767, x));

/** A backend that is right except for what `changes` say. */
function fake(changes: Partial<Gemm>): Gemm {
  return {
    name: 'onnxruntime',
    description: 'onnxruntime 0.0.0',
    float32: (c, a, b, shape) => own.float32(c, a, b, shape),
    int8: (c, a, b, shape) => own.int8(c, a, b, shape),
    ...changes,
  };
}

/** Adds pairs of products in 16 bits, as vpmaddubsw does. */
const saturating: Partial<Gemm> = {
  int8: async (c, a, b, { m, k, n }) => {
    for (let r = 0; r < m; r++) {
      for (let j = 0; j < n; j++) {
        let total = 0;
        for (let i = 0; i < k; i += 2) {
          const pair = a[r * k + i] * b[i * n + j] + a[r * k + i + 1] * b[(i + 1) * n + j];
          total += clamp(pair) - 128 * (b[i * n + j] + b[(i + 1) * n + j]);
        }
        c[r * n + j] = total;
      }
    }
  },
};

/** Sums single rows backwards. */
const dependent: Partial<Gemm> = {
  float32: async (c, a, b, shape) => {
    await own.float32(c, a, b, shape);
    if (shape.m === 1) c[0] *= 1 + 2 ** -22;
  },
};

const replaced = vi.hoisted((): { by?: () => Gemm } => ({}));

vi.mock('./gemm-onnxruntime.ts', async (original) => {
  const real = await original<typeof import('./gemm-onnxruntime.ts')>();
  return {
    ...real,
    createOnnxRuntimeGemm: async (threads: number) =>
      replaced.by ? replaced.by() : real.createOnnxRuntimeGemm(threads),
  };
});

async function createWith(gemm: () => Gemm, backend: 'auto' | 'onnxruntime' = 'auto'): Promise<Gemm> {
  replaced.by = gemm;
  return createGemm(kernels, { backend });
}

afterEach(() => {
  delete replaced.by;
});

describe('createGemm', () => {
  test('gives what was asked for, and says so', async () => {
    const auto = await createGemm(kernels);
    expect(auto.description).toMatch(/^onnxruntime \d+\.\d+\.\d+|^webassembly/);
    const chosen = await createGemm(kernels, { backend: 'webassembly' });
    expect(chosen.description).toBe('webassembly, one fused chain over k');
    expect(chosen.rowIndependent).toBe(true);
  });

  test('falls back where the library does not load, unless it was asked for', async () => {
    const missing = () => {
      throw new Error('no binding');
    };
    const gemm = await createWith(missing);
    expect(gemm.name).toBe('webassembly');
    expect(gemm.description).toBe('webassembly, one fused chain over k (onnxruntime does not load here)');
    await expect(createWith(missing, 'onnxruntime')).rejects.toThrow('does not load on');
  });

  test('falls back for int8 alone where that saturates', async () => {
    const gemm = await createWith(() => fake(saturating));
    expect(gemm.description).toBe('onnxruntime 0.0.0, int8 by webassembly (self-test: u8 x s8 saturates)');
    expect(gemm.rowIndependent).toBe(true);
    const c = new Int32Array(1);
    await gemm.int8(c, Uint8Array.of(255, 255), Int8Array.of(127, 127), { m: 1, k: 2, n: 1 });
    expect(c[0]).toBe(127 * 254);
  });

  test('says where rows depend on each other', async () => {
    const gemm = await createWith(() => fake(dependent));
    expect(gemm.rowIndependent).toBe(false);
    expect(gemm.description).toContain('self-test: a float32 row among 1 differs from one among 16');
  });

  test('does not use wrong float32 products', async () => {
    const wrong = () => fake({ float32: async (c) => void c.fill(1) });
    expect((await createWith(wrong)).name).toBe('webassembly');
    await expect(createWith(wrong, 'onnxruntime')).rejects.toThrow(
      'fails its self-test: float32 products are wrong',
    );
  });
});

test('the self-test reports what throws', async () => {
  const broken = fake({ float32: () => Promise.reject(new Error('no')) });
  expect(await selfTest(broken)).toEqual({ float32: 'no', rows: 'no' });
});
