/**
 * How fast this machine multiplies, on one core: both matrix-product backends at 512 x 768 x 3072, and the elementwise
 * kernels on a 512 x 3072 matrix. `node bench/gemm.ts [rounds]`
 *
 * The best of the rounds says what the code can do, the median what it did while other programs ran too.
 */
import { createGemm, createKernels, type Gemm, type Kernels } from '../src/kernels/index.ts';
import { median, printRows, type Row } from './row.ts';

const SHAPE = { m: 512, k: 768, n: 3072 };
const ROWS = 512;
const COLUMNS = 3072;

export async function run(rounds = 30): Promise<Row[]> {
  const kernels = await createKernels();
  const lines: Row[] = [];
  for (const backend of ['webassembly', 'onnxruntime'] as const) {
    const mark = kernels.mark();
    lines.push(...(await products(kernels, await createGemm(kernels, { backend }), rounds)));
    kernels.release(mark);
  }
  return [...lines, ...(await elementwise(kernels, rounds))];
}

async function products(kernels: Kernels, gemm: Gemm, rounds: number): Promise<Row[]> {
  const lines: Row[] = [];
  const target = gemm.name === 'webassembly' ? '45' : undefined;
  for (const m of [SHAPE.m, 1]) {
    const { k, n } = SHAPE;
    const mark = kernels.mark();
    const [a, b, c] = [random(kernels, m * k), random(kernels, k * n), kernels.floats(m * n)];
    const size = `${m}x${k}x${n}`;
    for (const transposed of [true, false]) {
      const what = `${gemm.name} float32 ${size}${transposed ? ' transposed' : ''}`;
      const once = () => gemm.float32(c, a, b, { m, k, n, transposed });
      const row = await measure(what, 'GFLOP/s', 2 * m * k * n, rounds, once);
      lines.push(target && m > 1 ? { ...row, target } : row);
    }
    const codes = kernels.bytes(m * k);
    codes.forEach((_, i) => {
      codes[i] = i * 37;
    });
    const weights = Int8Array.from({ length: k * n }, (_, i) => i * 91);
    const sums = kernels.integers(m * n);
    const once = () => gemm.int8(sums, codes, weights, { m, k, n });
    lines.push(await measure(`${gemm.name} int8 ${size}`, 'GOP/s', 2 * m * k * n, rounds, once));
    kernels.release(mark);
  }
  return lines;
}

/** Bytes count once where they are read and once where they are written. */
async function elementwise(kernels: Kernels, rounds: number): Promise<Row[]> {
  const length = ROWS * COLUMNS;
  const source = random(kernels, length);
  const x = kernels.floats(length);
  const out = kernels.floats(length);
  const sums = kernels.integers(length);
  sums.forEach((_, i) => {
    sums[i] = i * 977;
  });
  const codes = kernels.bytes(length);
  const scales = kernels.floats(ROWS);
  const sumExp = new Float64Array(ROWS);
  const [gain, bias] = [new Float32Array(COLUMNS).fill(1), new Float32Array(COLUMNS)];
  const all = { scale: 1, first: COLUMNS - 1, period: 1 };
  const works: [string, number, () => void][] = [
    ['quantizeRows', 5, () => kernels.quantizeRows(codes, scales, source, COLUMNS)],
    ['dequantize', 8, () => kernels.dequantize(out, sums, { row: scales, column: gain, bias }, COLUMNS)],
    ['fakeQuantizeRows', 8, () => kernels.fakeQuantizeRows(x, COLUMNS)],
    ['layerNorm', 8, () => kernels.layerNorm(out, source, gain, bias, 1e-5)],
    ['softmax', 8, () => kernels.softmax(x, COLUMNS, all)],
    ['softmax, causal', 8, () => kernels.softmax(x, COLUMNS, { ...all, first: 0, period: COLUMNS })],
    ['relu', 8, () => kernels.relu(x)],
    ['gelu', 8, () => kernels.gelu(x)],
    ['geluTanh', 8, () => kernels.geluTanh(x)],
    ['silu', 8, () => kernels.silu(x)],
    ['tanh', 8, () => kernels.tanh(x)],
    ['roundFloat16', 8, () => kernels.roundFloat16(x)],
    ['transpose', 8, () => kernels.transpose(out, source, ROWS, COLUMNS)],
    ['logSumExp', 4, () => kernels.logSumExp(sumExp, source, COLUMNS)],
  ];
  const lines: Row[] = [];
  for (const [name, bytes, work] of works) {
    // Kernels in place would otherwise run on their own results.
    lines.push(
      await measure(`${name} ${ROWS}x${COLUMNS}`, 'GB/s', bytes * length, rounds, work, () => x.set(source)),
    );
  }
  return lines;
}

function random(kernels: Kernels, length: number): Float32Array {
  const values = kernels.floats(length);
  for (let i = 0; i < length; i++) values[i] = (Math.random() - 0.5) * 6;
  return values;
}

async function measure(
  what: string,
  unit: string,
  work: number,
  rounds: number,
  once: () => void | Promise<void>,
  prepare?: () => void,
): Promise<Row> {
  const rates: number[] = [];
  for (let i = 0; i < rounds; i++) {
    prepare?.();
    const start = performance.now();
    await once();
    rates.push(work / (performance.now() - start) / 1e6);
  }
  return { what, value: Math.max(...rates), unit, note: `median ${median(rates).toFixed(1)}` };
}

if (import.meta.main) printRows('kernels, one core', await run(Number(process.argv[2] ?? 30)));
