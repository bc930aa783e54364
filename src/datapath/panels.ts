import { type Gemm, type Kernels, WEIGHT_PANEL } from '../kernels/index.ts';
import type { Matrix } from '../model/index.ts';

/** Weights packed at a time, in values. */
const CHUNK = 1 << 21;

/**
 * int8 weights in the order that the kernels multiply in: [inputs, outputs], by panels of 1024 outputs, one after the
 * other, so that the sums of a wide product stay near the core. In a shared buffer.
 */
export interface Panels {
  readonly codes: Int8Array;
  readonly outputs: number;
  readonly inputs: number;
}

/** int8 codes of the left operand, plus 128, [rows, inputs], with one scale or one for each row. */
export interface CodedRows {
  codes: Uint8Array;
  scale: number | Float32Array;
  rows: number;
}

/** How many rows of a weight are packed at a time: a power of two, so that a block lies within one panel. */
function blockRows(inputs: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, Math.min(WEIGHT_PANEL, CHUNK / inputs))));
}

/** Blocks of rows [from, to) of a weight, each within a panel. */
export function* rowBlocks(outputs: number, inputs: number): Generator<[from: number, to: number]> {
  const step = blockRows(inputs);
  for (let from = 0; from < outputs; from += step) yield [from, Math.min(from + step, outputs)];
}

/**
 * Packs a weight by blocks of rows.
 *
 * @param codesOf int8 codes [to - from, inputs] of a block, in the kernel memory
 */
export function packPanels(
  kernels: Kernels,
  { outputs, inputs }: { outputs: number; inputs: number },
  codesOf: (from: number, to: number) => Int8Array,
): Panels {
  const codes = new Int8Array(new SharedArrayBuffer(outputs * inputs));
  for (const [from, to] of rowBlocks(outputs, inputs)) {
    const mark = kernels.mark();
    const rows = to - from;
    const encoded = codesOf(from, to);
    const turned = signedBytes(kernels, encoded.length);
    kernels.transposeBytes(turned, encoded, rows, inputs);
    const panel = from - (from % WEIGHT_PANEL);
    const width = Math.min(WEIGHT_PANEL, outputs - panel);
    for (let i = 0; i < inputs; i++) {
      codes.set(turned.subarray(i * rows, (i + 1) * rows), panel * inputs + i * width + from - panel);
    }
    kernels.release(mark);
  }
  return { codes, outputs, inputs };
}

/**
 * output = (input · panels) · (row scale · column scale) + bias: int32 sums, decoded in float32.
 *
 * @param onSums sees, and may change, the sums [rows, to - from] of outputs from .. to before they are decoded
 */
export async function multiplyPanels(
  kernels: Kernels,
  gemm: Gemm,
  input: CodedRows,
  weight: Panels & { scale: number | Float32Array },
  { output, bias }: { output: Matrix; bias?: Float32Array | undefined },
  onSums?: (sums: Int32Array, from: number, to: number) => void,
): Promise<void> {
  const { codes, scale, outputs, inputs: k } = weight;
  const { rows: m } = input;
  for (let from = 0; from < outputs; from += WEIGHT_PANEL) {
    const n = Math.min(WEIGHT_PANEL, outputs - from);
    const mark = kernels.mark();
    const sums = kernels.integers(m * n);
    await gemm.int8(sums, input.codes, codes.subarray(from * k, (from + n) * k), { m, k, n });
    onSums?.(sums, from, from + n);
    kernels.dequantize(
      output.data.subarray(from, (m - 1) * outputs + from + n),
      sums,
      { row: input.scale, column: part(scale, from, n), bias: bias?.subarray(from, from + n) },
      n,
      outputs,
    );
    kernels.release(mark);
  }
}

export function signedBytes(kernels: Kernels, length: number): Int8Array {
  const { buffer, byteOffset } = kernels.bytes(length);
  return new Int8Array(buffer, byteOffset, length);
}

/** The scales of `length` rows or columns from `from` on. */
export function part(scale: number | Float32Array, from: number, length: number): number | Float32Array {
  return typeof scale === 'number' ? scale : scale.subarray(from, from + length);
}
