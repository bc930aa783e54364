import type { AlgebraKernels } from './algebra-kernels.ts';
import type { FormatKernels } from './format-kernels.ts';
import { hadamard } from './hadamard.ts';
import type { Kernels, SoftmaxOptions } from './kernels.ts';
import { compileKernels, type KernelExports } from './module.ts';
import { natural, same, wholeRows } from './operands.ts';
import { KernelStack } from './stack.ts';
import { WebAssemblyAlgebraKernels } from './webassembly-algebra.ts';
import { WebAssemblyFormatKernels } from './webassembly-formats.ts';

/** Reads as "sees all" in the module, whose positions are 32-bit. */
const NO_WINDOW = 0xffff_ffff;

/**
 * The kernels of `assembly/` over a memory of their own. Beside what IEEE 754 rounds they use fused multiply-add: the same
 * bits on every machine that has it. Throws an Error that names the kernel where an array lies in another memory or
 * shapes do not fit.
 */
export class WebAssemblyKernels extends KernelStack implements Kernels {
  readonly exports: KernelExports;
  readonly formats: FormatKernels;
  readonly algebra: AlgebraKernels;

  constructor(module: WebAssembly.Module) {
    super();
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory } });
    this.exports = instance.exports as unknown as KernelExports;
    this.reserve(this.exports.heapBase());
    this.formats = new WebAssemblyFormatKernels(this, this.exports);
    this.algebra = new WebAssemblyAlgebraKernels(this, this.exports);
  }

  layerNorm(
    out: Float32Array,
    x: Float32Array,
    gain: Float32Array,
    bias: Float32Array,
    epsilon: number,
  ): void {
    const columns = gain.length;
    const rows = wholeRows('layerNorm', x.length, columns);
    same('layerNorm', 'bias', bias.length, columns);
    same('layerNorm', 'out', out.length, x.length);
    const [to, from] = [this.at('layerNorm', out), this.at('layerNorm', x)];
    this.scratch(() => {
      this.exports.layerNorm(to, from, this.vector(gain), this.vector(bias), rows, columns, epsilon);
    });
  }

  rmsNorm(out: Float32Array, x: Float32Array, gain: Float32Array, epsilon: number): void {
    const columns = gain.length;
    const rows = wholeRows('rmsNorm', x.length, columns);
    same('rmsNorm', 'out', out.length, x.length);
    const [to, from] = [this.at('rmsNorm', out), this.at('rmsNorm', x)];
    this.scratch(() => this.exports.rmsNorm(to, from, this.vector(gain), rows, columns, epsilon));
  }

  relu(x: Float32Array): void {
    this.exports.relu(this.at('relu', x), x.length);
  }

  gelu(x: Float32Array): void {
    this.exports.gelu(this.at('gelu', x), x.length);
  }

  geluTanh(x: Float32Array): void {
    this.exports.geluTanh(this.at('geluTanh', x), x.length);
  }

  tanh(x: Float32Array): void {
    this.exports.tanh(this.at('tanh', x), x.length);
  }

  silu(x: Float32Array): void {
    this.exports.silu(this.at('silu', x), x.length);
  }

  add(x: Float32Array, y: Float32Array): void {
    same('add', 'y', y.length, x.length);
    this.exports.add(this.at('add', x), this.at('add', y), x.length);
  }

  multiply(x: Float32Array, y: Float32Array): void {
    same('multiply', 'y', y.length, x.length);
    this.exports.multiply(this.at('multiply', x), this.at('multiply', y), x.length);
  }

  addRow(x: Float32Array, bias: Float32Array): void {
    const rows = wholeRows('addRow', x.length, bias.length);
    const at = this.at('addRow', x);
    this.scratch(() => this.exports.addRow(at, this.vector(bias), rows, bias.length));
  }

  multiplyRow(x: Float32Array, factors: Float32Array): void {
    const rows = wholeRows('multiplyRow', x.length, factors.length);
    const at = this.at('multiplyRow', x);
    this.scratch(() => this.exports.multiplyRow(at, this.vector(factors), rows, factors.length));
  }

  softmax(x: Float32Array, columns: number, options: SoftmaxOptions): void {
    const { scale, slope = 0, first, period, window = Number.POSITIVE_INFINITY } = options;
    const rows = wholeRows('softmax', x.length, columns);
    natural('softmax', 'first', first);
    if (!(Number.isInteger(period) && period > 0)) throw new Error(`softmax: a period of ${period} rows`);
    if (!(window >= 1)) throw new Error(`softmax: a window of ${window} positions`);
    const width = Math.min(Math.floor(window), NO_WINDOW);
    this.exports.softmax(this.at('softmax', x), rows, columns, scale, slope, first, period, width);
  }

  rope(
    x: Float32Array,
    cosine: Float32Array,
    sine: Float32Array,
    shape: { heads: number; headSize: number },
  ): void {
    const { heads, headSize } = shape;
    const rows = wholeRows('rope', x.length, heads * headSize);
    const half = rows === 0 ? 0 : cosine.length / rows;
    same('rope', 'sine', sine.length, cosine.length);
    if (!(Number.isInteger(half) && half * 2 <= headSize)) {
      throw new Error(`rope: ${cosine.length} cosines for ${rows} rows of heads of ${headSize}`);
    }
    const [c, s] = [this.at('rope', cosine), this.at('rope', sine)];
    this.exports.rope(this.at('rope', x), c, s, rows, heads, headSize, half);
  }

  hadamard(x: Float32Array, columns: number, inverse = false): void {
    hadamard(this, this.exports, x, columns, inverse);
  }

  splitHeads(out: Float32Array, x: Float32Array, shape: { rows: number; heads: number; size: number }): void {
    const { rows, heads, size } = shape;
    same('splitHeads', 'x', x.length, rows * heads * size);
    same('splitHeads', 'out', out.length, x.length);
    this.exports.splitHeads(this.at('splitHeads', out), this.at('splitHeads', x), rows, heads, size);
  }

  mergeHeads(out: Float32Array, x: Float32Array, shape: { rows: number; heads: number; size: number }): void {
    const { rows, heads, size } = shape;
    same('mergeHeads', 'x', x.length, rows * heads * size);
    same('mergeHeads', 'out', out.length, x.length);
    this.exports.mergeHeads(this.at('mergeHeads', out), this.at('mergeHeads', x), rows, heads, size);
  }

  transpose(out: Float32Array, x: Float32Array, rows: number, columns: number): void {
    same('transpose', 'x', x.length, rows * columns);
    same('transpose', 'out', out.length, x.length);
    this.exports.transpose(this.at('transpose', out), this.at('transpose', x), rows, columns);
  }

  transposeBytes(out: Int8Array, x: Int8Array, rows: number, columns: number): void {
    same('transposeBytes', 'x', x.length, rows * columns);
    same('transposeBytes', 'out', out.length, x.length);
    const [to, from] = [this.at('transposeBytes', out), this.at('transposeBytes', x)];
    this.exports.transposeBytes(to, from, rows, columns);
  }

  roundFloat16(x: Float32Array): void {
    this.exports.roundFloat16(this.at('roundFloat16', x), x.length);
  }

  roundBfloat16(x: Float32Array): void {
    this.exports.roundBfloat16(this.at('roundBfloat16', x), x.length);
  }

  roundTf32(x: Float32Array): void {
    this.exports.roundTf32(this.at('roundTf32', x), x.length);
  }

  widenFloat16(out: Float32Array, from: Uint8Array): void {
    same('widenFloat16', 'from', from.length, out.length * 2);
    this.exports.widenFloat16(this.at('widenFloat16', out), this.at('widenFloat16', from), out.length);
  }

  widenBfloat16(out: Float32Array, from: Uint8Array): void {
    same('widenBfloat16', 'from', from.length, out.length * 2);
    this.exports.widenBfloat16(this.at('widenBfloat16', out), this.at('widenBfloat16', from), out.length);
  }

  absMax(x: Float32Array): number {
    return this.exports.absMax(this.at('absMax', x), x.length);
  }

  rowAbsMax(out: Float32Array, x: Float32Array, columns: number): void {
    const rows = wholeRows('rowAbsMax', x.length, columns);
    same('rowAbsMax', 'out', out.length, rows);
    this.exports.rowAbsMax(this.at('rowAbsMax', out), this.at('rowAbsMax', x), rows, columns);
  }

  columnAbsMax(out: Float32Array, x: Float32Array, columns: number): void {
    const rows = wholeRows('columnAbsMax', x.length, columns);
    same('columnAbsMax', 'out', out.length, columns);
    this.exports.columnAbsMax(this.at('columnAbsMax', out), this.at('columnAbsMax', x), rows, columns);
  }

  findNonFinite(x: Float32Array): number {
    return this.exports.findNonFinite(this.at('findNonFinite', x), x.length);
  }

  logSumExp(out: Float64Array, x: Float32Array, columns: number): void {
    const rows = wholeRows('logSumExp', x.length, columns);
    same('logSumExp', 'out', out.length, rows);
    const at = this.at('logSumExp', x);
    this.scratch(() => {
      const sums = this.doubles(2 * rows);
      this.exports.expSums(sums.byteOffset, at, rows, columns);
      for (let r = 0; r < rows; r++) out[r] = logOfSum(sums[2 * r], sums[2 * r + 1]);
    });
  }

  argMax(out: Int32Array, x: Float32Array, columns: number): void {
    const rows = wholeRows('argMax', x.length, columns);
    same('argMax', 'out', out.length, rows);
    const at = this.at('argMax', x);
    this.scratch(() => {
      const found = this.integers(rows);
      this.exports.argMax(found.byteOffset, at, rows, columns);
      out.set(found);
    });
  }

  divergence(out: Float64Array, p: Float32Array, q: Float32Array, columns: number): void {
    const rows = wholeRows('divergence', p.length, columns);
    same('divergence', 'q', q.length, p.length);
    same('divergence', 'out', out.length, rows);
    const [pAt, qAt] = [this.at('divergence', p), this.at('divergence', q)];
    this.scratch(() => {
      const sums = this.doubles(3 * rows);
      this.exports.divergenceSums(sums.byteOffset, pAt, qAt, rows, columns);
      for (let r = 0; r < rows; r++) {
        const [pSum, qSum, mixed] = sums.subarray(3 * r, 3 * r + 3);
        out[r] = mixed / pSum - Math.log(pSum) + Math.log(qSum);
      }
    });
  }

  quantize(codes: Uint8Array, x: Float32Array, scale: number): void {
    same('quantize', 'codes', codes.length, x.length);
    this.exports.quantize(this.at('quantize', codes), this.at('quantize', x), x.length, scale, 128);
  }

  quantizeRows(codes: Uint8Array, scales: Float32Array, x: Float32Array, columns: number): void {
    this.#quantizeRows('quantizeRows', codes, scales, x, columns, 128);
  }

  quantizeSigned(codes: Int8Array, x: Float32Array, scale: number): void {
    same('quantizeSigned', 'codes', codes.length, x.length);
    const [to, from] = [this.at('quantizeSigned', codes), this.at('quantizeSigned', x)];
    this.exports.quantize(to, from, x.length, scale, 0);
  }

  quantizeSignedRows(codes: Int8Array, scales: Float32Array, x: Float32Array, columns: number): void {
    this.#quantizeRows('quantizeSignedRows', codes, scales, x, columns, 0);
  }

  #quantizeRows(
    kernel: string,
    codes: Uint8Array | Int8Array,
    scales: Float32Array,
    x: Float32Array,
    columns: number,
    offset: number,
  ): void {
    const rows = wholeRows(kernel, x.length, columns);
    same(kernel, 'codes', codes.length, x.length);
    same(kernel, 'scales', scales.length, rows);
    const [to, from] = [this.at(kernel, codes), this.at(kernel, x)];
    this.exports.quantizeRows(to, this.at(kernel, scales), from, rows, columns, offset);
  }

  fakeQuantize(x: Float32Array, scale: number): void {
    this.exports.fakeQuantize(this.at('fakeQuantize', x), x.length, scale);
  }

  fakeQuantizeRows(x: Float32Array, columns: number): void {
    const rows = wholeRows('fakeQuantizeRows', x.length, columns);
    this.exports.fakeQuantizeRows(this.at('fakeQuantizeRows', x), rows, columns);
  }

  dequantize(
    out: Float32Array,
    sums: Int32Array,
    scales: { row: number | Float32Array; column: number | Float32Array; bias?: Float32Array | undefined },
    columns: number,
    stride = columns,
  ): void {
    const { row, column, bias } = scales;
    const rows = wholeRows('dequantize', sums.length, columns);
    same('dequantize', 'out', out.length, rows === 0 ? 0 : (rows - 1) * stride + columns);
    if (typeof row !== 'number') same('dequantize', 'scales.row', row.length, rows);
    if (typeof column !== 'number') same('dequantize', 'scales.column', column.length, columns);
    if (bias) same('dequantize', 'scales.bias', bias.length, columns);
    const [to, from] = [this.at('dequantize', out), this.at('dequantize', sums)];
    this.scratch(() => {
      const rowAt = typeof row === 'number' ? this.#constant(row, rows) : this.vector(row);
      const columnAt = typeof column === 'number' ? this.#constant(column, columns) : this.vector(column);
      const biasAt = bias ? this.vector(bias) : 0;
      this.exports.dequantize(to, from, rowAt, columnAt, biasAt, rows, columns, stride);
    });
  }

  #constant(value: number, length: number): number {
    return this.floats(length).fill(value).byteOffset;
  }
}

/** log Σ exp x from the largest x and Σ exp(x - largest). An infinite largest value leaves no usable sum. */
function logOfSum(largest: number, sum: number): number {
  return Number.isFinite(largest) ? largest + Math.log(sum) : largest;
}

/** Kernels with a memory of their own, for one thread. Without a compiled module it is compiled anew. */
export async function createKernels(module?: WebAssembly.Module): Promise<WebAssemblyKernels> {
  return new WebAssemblyKernels(module ?? (await compileKernels()));
}
