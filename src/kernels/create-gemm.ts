import { RunError } from '../errors.ts';
import type { Gemm } from './gemm.ts';
import { createOnnxRuntimeGemm } from './gemm-onnxruntime.ts';
import { WebAssemblyGemm } from './gemm-webassembly.ts';
import type { Kernels } from './kernels.ts';
import { selfTest } from './self-test.ts';
import { WebAssemblyKernels } from './webassembly.ts';

export interface GemmOptions {
  /** 'auto' (the default) takes ONNX Runtime where it is there and right, and WebAssembly for the rest. */
  backend?: 'auto' | 'onnxruntime' | 'webassembly';
  /** Threads within one ONNX Runtime product; 1 by default: tapeout runs sequences and trials in parallel instead. */
  threads?: number;
}

/**
 * The matrix product of this machine, tested at once: see `description` for what was chosen, and why. 'onnxruntime'
 * insists on it, and throws where 'auto' would fall back (int8 alone falls back in both).
 */
export async function createGemm(kernels: Kernels, options: GemmOptions = {}): Promise<Gemm> {
  const { backend = 'auto', threads = 1 } = options;
  if (!(kernels instanceof WebAssemblyKernels)) {
    throw new Error('createGemm takes what createKernels made');
  }
  const own = new WebAssemblyGemm(kernels);
  if (backend === 'webassembly') return tested(own);
  let fast: Gemm;
  try {
    fast = await createOnnxRuntimeGemm(threads);
  } catch (cause) {
    if (backend === 'onnxruntime') {
      const platform = `${process.platform}-${process.arch}`;
      throw new RunError(`onnxruntime-node does not load on ${platform}: use the backend "webassembly"`, {
        cause,
      });
    }
    return tested(own, 'onnxruntime does not load here');
  }
  const found = await selfTest(fast);
  if (found.float32) {
    if (backend === 'onnxruntime') throw new RunError(`onnxruntime fails its self-test: ${found.float32}`);
    return tested(own, `onnxruntime fails its self-test: ${found.float32}`);
  }
  const int8 = found.int8 ? await tested(own) : fast;
  const notes = [
    ...(found.rows ? [`self-test: ${found.rows}`] : []),
    ...(found.int8 ? [`int8 by ${int8.name} (self-test: ${found.int8})`] : []),
  ];
  return {
    name: fast.name,
    description: [fast.description, ...notes].join(', '),
    rowIndependent: !found.rows,
    float32: (c, a, b, shape) => fast.float32(c, a, b, shape),
    int8: (c, a, b, shape) => int8.int8(c, a, b, shape),
  };
}

/** The WebAssembly product, of which the self-test finds nothing wrong; `why` it was chosen goes into the description. */
async function tested(gemm: WebAssemblyGemm, why?: string): Promise<Gemm> {
  const found = await selfTest(gemm);
  const wrong = found.float32 ?? found.int8 ?? found.rows;
  if (wrong) throw new RunError(`the WebAssembly matrix product fails its self-test: ${wrong}`);
  if (!why) return gemm;
  return {
    name: gemm.name,
    description: `${gemm.description} (${why})`,
    rowIndependent: gemm.rowIndependent,
    float32: (c, a, b, shape) => gemm.float32(c, a, b, shape),
    int8: (c, a, b, shape) => gemm.int8(c, a, b, shape),
  };
}
