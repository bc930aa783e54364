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
 * buffer; only a call's own overhead of about 10 us is added.
 *
 * Neither the order of summation nor its independence of the other rows is promised.
 * u8 x s8 saturates on processors without VNNI: see `selfTest`.
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
    checkOperands('float32', c, a, b, shape);
    const { m, k, n, transposed } = shape;
    if (m === 0 || n === 0) return;
    if (k === 0) {
      c.fill(0);
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
    checkOperands('int8', c, a, b, shape);
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
