import type { Gemm, GemmShape } from './gemm.ts';
import { checkOperands } from './operands.ts';
import type { WebAssemblyKernels } from './webassembly.ts';

/** Bytes of B that are packed at a time: with what they are made from they stay in the second-level cache. */
const BLOCK = 1 << 20;
/** Bytes of B that are copied at a time for few rows. */
const STREAM = 1 << 18;
/** Bytes of A and C that are copied at a time where they lie in another memory. */
const STAGE = 4 << 20;
/** Up to this many rows B is not packed. */
const FEW = 5;
/** A tile of C, for its edges. */
const SPARE = 192;

/**
 * The project's own matrix product: 6 x 8 register tiles of 128-bit vectors, on one core.
 *
 * Every float32 element is one chain of fused multiply-adds from k = 0 up, wherever its row stands and however many
 * rows there are: single rows can be computed again with the same bits. int8 is exact for all codes, -128 too.
 * Operands in another memory are copied block by block; scratch is a few MiB beside what one row needs.
 */
export class WebAssemblyGemm implements Gemm {
  readonly name = 'webassembly';
  readonly description = 'webassembly, one fused chain over k';
  readonly rowIndependent = true;
  readonly #kernels: WebAssemblyKernels;

  constructor(kernels: WebAssemblyKernels) {
    this.#kernels = kernels;
  }

  async float32(
    c: Float32Array,
    a: Float32Array,
    b: Float32Array,
    shape: GemmShape & { transposed: boolean },
  ): Promise<void> {
    checkOperands('float32 product', c, a, b, shape);
    if (shape.m === 0 || shape.n === 0) return;
    if (shape.k === 0) {
      c.fill(0);
      return;
    }
    const { k, n } = shape;
    const { transposed } = shape;
    this.#byRows(c, a, shape, (to, from, m) => {
      if (m > FEW) this.#float32(to, from, b, { m, k, n }, transposed);
      else if (transposed) this.#fewTransposed(to, from, b, { m, k, n });
      else this.#fewRows(to, from, b, { m, k, n });
    });
  }

  async int8(c: Int32Array, a: Uint8Array, b: Int8Array, shape: GemmShape): Promise<void> {
    checkOperands('int8 product', c, a, b, shape);
    if (shape.m === 0 || shape.n === 0) return;
    if (shape.k === 0) {
      c.fill(0);
      return;
    }
    const { k, n } = shape;
    this.#byRows(c, a, shape, (to, from, m) => this.#int8(to, from, b, { m, k, n }));
  }

  /**
   * Calls `work` with the addresses of as many rows of C and A as fit the stage, copying where they lie outside. int8
   * makes a packed copy of A, so it takes rows in portions always.
   */
  #byRows<T extends Float32Array | Int32Array, U extends Float32Array | Uint8Array>(
    c: T,
    a: U,
    shape: GemmShape,
    work: (c: number, a: number, rows: number) => void,
  ): void {
    const { m, k, n } = shape;
    const [cInside, aInside] = [this.#kernels.owns(c), this.#kernels.owns(a)];
    const packs = a.BYTES_PER_ELEMENT === 1;
    const rowBytes = (cInside ? 0 : 4 * n) + (aInside ? 0 : a.BYTES_PER_ELEMENT * k) + (packs ? 2 * k : 0);
    const portion = Math.max(6, Math.floor(STAGE / Math.max(rowBytes, 1)));
    const mark = this.#kernels.mark();
    try {
      const stageC = cInside ? undefined : this.#kernels.integers(Math.min(m, portion) * n);
      const stageA = aInside
        ? undefined
        : this.#kernels.bytes(Math.min(m, portion) * k * a.BYTES_PER_ELEMENT);
      for (let row = 0; row < m; row += portion) {
        const rows = Math.min(portion, m - row);
        const from = a.subarray(row * k, (row + rows) * k);
        const to = c.subarray(row * n, (row + rows) * n);
        stageA?.set(bytesOf(from));
        work(stageC?.byteOffset ?? to.byteOffset, stageA?.byteOffset ?? from.byteOffset, rows);
        if (stageC) bytesOf(to).set(bytesOf(stageC.subarray(0, rows * n)));
      }
    } finally {
      this.#kernels.release(mark);
    }
  }

  #fewTransposed(c: number, a: number, b: Float32Array, { m, k, n }: GemmShape): void {
    const { exports } = this.#kernels;
    if (this.#kernels.owns(b)) {
      exports.fewTransposed(c, n * 4, a, k * 4, b.byteOffset, k * 4, m, n, k);
      return;
    }
    const width = Math.min(n, Math.max(8, Math.floor(STREAM / (k * 4) / 8) * 8));
    const stage = this.#kernels.floats(width * k);
    for (let j = 0; j < n; j += width) {
      const columns = Math.min(width, n - j);
      stage.set(b.subarray(j * k, (j + columns) * k));
      exports.fewTransposed(c + j * 4, n * 4, a, k * 4, stage.byteOffset, k * 4, m, columns, k);
    }
  }

  #fewRows(c: number, a: number, b: Float32Array, { m, k, n }: GemmShape): void {
    const { exports, memory } = this.#kernels;
    new Float32Array(memory.buffer, c, m * n).fill(0);
    if (this.#kernels.owns(b)) {
      exports.fewRows(c, n * 4, a, k * 4, b.byteOffset, n * 4, m, n, k);
      return;
    }
    const depth = Math.min(k, Math.max(8, Math.floor(STREAM / (n * 4) / 8) * 8));
    const stage = this.#kernels.floats(depth * n);
    for (let i = 0; i < k; i += depth) {
      const rows = Math.min(depth, k - i);
      stage.set(b.subarray(i * n, (i + rows) * n));
      exports.fewRows(c, n * 4, a + i * 4, k * 4, stage.byteOffset, n * 4, m, n, rows);
    }
  }

  #float32(c: number, a: number, b: Float32Array, shape: GemmShape, transposed: boolean): void {
    const { m, k, n } = shape;
    const { exports } = this.#kernels;
    const inside = this.#kernels.owns(b);
    const width = blockWidth(k * 4, n);
    const spare = this.#kernels.take(SPARE);
    const packed = this.#kernels.take(Math.ceil(width / 8) * 8 * k * 4);
    const panel = k * 32;
    const stage = inside ? undefined : this.#kernels.floats(width * (transposed ? k : Math.min(k, 64)));
    for (let j = 0; j < n; j += width) {
      const columns = Math.min(width, n - j);
      if (transposed) {
        if (stage) stage.set(b.subarray(j * k, (j + columns) * k));
        const from = stage ? stage.byteOffset : b.byteOffset + j * k * 4;
        exports.packTransposed(packed, from, k * 4, columns, k);
      } else if (stage) {
        for (let i = 0; i < k; i += 64) {
          const rows = Math.min(64, k - i);
          for (let r = 0; r < rows; r++) {
            const start = (i + r) * n + j;
            stage.set(b.subarray(start, start + columns), r * columns);
          }
          exports.packRows(packed + i * 32, panel, stage.byteOffset, columns * 4, columns, rows);
        }
      } else {
        exports.packRows(packed, panel, b.byteOffset + j * 4, n * 4, columns, k);
      }
      exports.multiplyFloat32(c + j * 4, n * 4, a, k * 4, packed, m, columns, k, spare);
    }
  }

  #int8(c: number, a: number, b: Int8Array, shape: GemmShape): void {
    const { m, k, n } = shape;
    const { exports } = this.#kernels;
    const inside = this.#kernels.owns(b);
    const pairs = Math.ceil(k / 2);
    const width = blockWidth(pairs * 4, n);
    const panel = pairs * 32;
    const mark = this.#kernels.mark();
    const spare = this.#kernels.take(SPARE);
    const codes = this.#kernels.take(m * pairs * 4);
    const packed = this.#kernels.take(Math.ceil(width / 8) * 8 * pairs * 4);
    const stage = inside ? undefined : this.#kernels.bytes(width * Math.min(k, 64));
    exports.packCodes(codes, a, k, m, k);
    for (let j = 0; j < n; j += width) {
      const columns = Math.min(width, n - j);
      if (stage) {
        for (let i = 0; i < k; i += 64) {
          const rows = Math.min(64, k - i);
          for (let r = 0; r < rows; r++) {
            const start = (i + r) * n + j;
            stage.set(b.subarray(start, start + columns), r * columns);
          }
          exports.packPairRows(packed + i * 16, panel, stage.byteOffset, columns, columns, rows);
        }
      } else {
        exports.packPairRows(packed, panel, b.byteOffset + j, n, columns, k);
      }
      exports.multiplyInt8(c + j * 4, n * 4, codes, pairs * 4, packed, m, columns, pairs, spare);
    }
    this.#kernels.release(mark);
  }
}

/** Columns of B per block: a multiple of 8 (at least), near BLOCK bytes at `columnBytes` each. */
function blockWidth(columnBytes: number, n: number): number {
  return Math.min(n, Math.max(8, Math.floor(BLOCK / columnBytes / 8) * 8));
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
