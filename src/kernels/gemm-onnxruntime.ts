import type * as Ort from 'onnxruntime-node';
import type { Gemm, GemmShape } from './gemm.ts';
import { type OnnxNode, onnxModel } from './onnx-model.ts';
import { checkOperands } from './operands.ts';

type Library = typeof Ort;

const MATMUL: OnnxNode = {
  operator: 'MatMul',
  inputs: [
    { name: 'a', type: 'float32' },
    { name: 'b', type: 'float32' },
  ],
  output: { name: 'c', type: 'float32' },
};

const TRANSPOSED: OnnxNode = { ...MATMUL, operator: 'Gemm', attributes: { transB: 1 } };

const INTEGER: OnnxNode = {
  operator: 'MatMulInteger',
  inputs: [
    { name: 'a', type: 'uint8' },
    { name: 'b', type: 'int8' },
  ],
  output: { name: 'c', type: 'int32' },
  // a is u8 and not s8 because ONNX Runtime has fast kernels for u8 x s8 only.
  constants: { a_zero_point: 128 },
};

/**
 * ONNX Runtime's matrix products, each an ONNX model of one node. Operands are read and written where they lie, in any
 * buffer; only a call's own overhead of 10 to 30 us is added.
 *
 * Rows: ONNX Runtime 1.30 (x64, AVX-512) gives a float32 row the same bits for every number of rows from 2 to 512, at
 * every place, transposed or not; but a single row goes to a matrix-vector kernel that sums in another order, and about
 * 9 of 10 elements differ in their last bits. So a single row is computed as two equal ones here. That costs decoding
 * 1.4 to 1.9 times the matrix-vector product's time, and makes decoding, prefill and a recomputed row agree bit for
 * bit. None of this is promised by the library: `selfTest` looks whether it holds.
 *
 * int8: u8 x s8 saturates on processors without VNNI, which `selfTest` finds too.
 */
export class OnnxRuntimeGemm implements Gemm {
  readonly name = 'onnxruntime';
  readonly description: string;
  readonly #library: Library;
  readonly #threads: number;
  readonly #sessions = new Map<OnnxNode, Promise<Ort.InferenceSession>>();

  constructor(library: Library, threads: number) {
    this.#library = library;
    this.#threads = threads;
    this.description = `onnxruntime ${library.env.versions.node ?? library.env.versions.common}`;
  }

  async float32(
    c: Float32Array,
    a: Float32Array,
    b: Float32Array,
    shape: GemmShape & { transposed: boolean },
  ): Promise<void> {
    checkOperands('float32 product', c, a, b, shape);
    const { m, k, n, transposed } = shape;
    if (m === 0 || n === 0) return;
    if (k === 0) {
      c.fill(0);
      return;
    }
    if (m === 1) {
      const twice = new Float32Array(2 * k);
      twice.set(a);
      twice.set(a, k);
      const both = new Float32Array(2 * n);
      await this.float32(both, twice, b, { m: 2, k, n, transposed });
      c.set(both.subarray(0, n));
      return;
    }
    const { Tensor } = this.#library;
    const session = await this.#session(transposed ? TRANSPOSED : MATMUL);
    await session.run(
      { a: new Tensor('float32', a, [m, k]), b: new Tensor('float32', b, transposed ? [n, k] : [k, n]) },
      { c: new Tensor('float32', c, [m, n]) },
    );
  }

  async int8(c: Int32Array, a: Uint8Array, b: Int8Array, shape: GemmShape): Promise<void> {
    checkOperands('int8 product', c, a, b, shape);
    const { m, k, n } = shape;
    if (m === 0 || n === 0) return;
    if (k === 0) {
      c.fill(0);
      return;
    }
    const { Tensor } = this.#library;
    const session = await this.#session(INTEGER);
    await session.run(
      { a: new Tensor('uint8', a, [m, k]), b: new Tensor('int8', b, [k, n]) },
      { c: new Tensor('int32', c, [m, n]) },
    );
  }

  #session(node: OnnxNode): Promise<Ort.InferenceSession> {
    let session = this.#sessions.get(node);
    if (!session) {
      session = this.#library.InferenceSession.create(onnxModel(node), {
        intraOpNumThreads: this.#threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'disabled',
        enableMemPattern: false,
        logSeverityLevel: 3,
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
      this.#sessions.set(node, session);
    }
    return session;
  }
}

/** Loads the library; throws where the platform has none. */
export async function createOnnxRuntimeGemm(threads: number): Promise<OnnxRuntimeGemm> {
  const library = await import('onnxruntime-node');
  library.env.logLevel = 'error';
  return new OnnxRuntimeGemm(library, threads);
}
