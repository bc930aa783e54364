/** Sizes of one matrix product C[m,n] = A[m,k] · B. */
export interface GemmShape {
  m: number;
  k: number;
  n: number;
}

/**
 * What multiplies matrices on one core: ONNX Runtime, or the project's own WebAssembly kernel.
 *
 * A backend is a way to compute, not a machine: formats, scales, faults and protection live in `datapath/`. All
 * matrices are dense and row-major. Views may lie in a kernel memory or in any other (shared) buffer, so that worker
 * threads share weights without copies.
 */
export interface Gemm {
  readonly name: 'onnxruntime' | 'webassembly';
  /** Name, version and the features that can change a last bit; recorded with every result. */
  readonly description: string;
  /**
   * Whether a row of a float32 product has the same bits however many other rows there are and wherever it stands, so
   * that single rows can be computed again. Unknown counts as no.
   */
  readonly rowIndependent?: boolean;
  /**
   * C[m,n] = A[m,k] · B in float32. B is [n,k] (a weight as Hugging Face stores it) where `transposed`, else [k,n].
   * The order of summation is the backend's own.
   */
  float32(
    c: Float32Array,
    a: Float32Array,
    b: Float32Array,
    shape: GemmShape & { transposed: boolean },
  ): Promise<void>;
  /**
   * C[m,n] = Σ_k (A[m,k] - 128) · B[k,n], exact in int32. A holds int8 codes plus 128 (zero point 128), the form
   * that VNNI and AMX take as it is.
   */
  int8(c: Int32Array, a: Uint8Array, b: Int8Array, shape: GemmShape): Promise<void>;
}
