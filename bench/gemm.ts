/**
 * How fast this machine multiplies, on one core: both matrix-product backends at 512 x 768 x 3072, and the elementwise
 * kernels on a 512 x 3072 matrix. `node bench/gemm.ts [rounds]`
 *
 * The best of the rounds says what the code can do, the median what it did while other programs ran too.
 */
import { createGemm, createKernels, type Gemm, type Kernels } from '../src/kernels/index.ts';

export interface Timing {
  name: string;
  unit: 'GFLOP/s' | 'GOP/s' | 'GB/s';
  best: number;
  median: number;
}

const SHAPE = { m: 512, k: 768, n: 3072 };
const ROWS = 512;
const COLUMNS = 3072;

export async function run(rounds = 30): Promise<Timing[]> {
  const kernels = await createKernels();
  const timings: Timing[] = [];
  for (const backend of ['webassembly', 'onnxruntime'] as const) {
    const mark = kernels.mark();
    timings.push(...(await products(kernels, await createGemm(kernels, { backend }), rounds)));
    kernels.release(mark);
  }
  return [...timings, ...(await elementwise(kernels, rounds))];
}

async function products(kernels: Kernels, gemm: Gemm, rounds: number): Promise<Timing[]> {
  const timings: Timing[] = [];
  for (const m of [SHAPE.m, 1]) {
    const { k, n } = SHAPE;
    const mark = kernels.mark();
    const [a, b, c] = [random(kernels, m * k), random(kernels, k * n), kernels.floats(m * n)];
    const size = `${m}x${k}x${n}`;
    for (const transposed of [true, false]) {
      timings.push({
        name: `${gemm.name} float32 ${size}${transposed ? ' transposed' : ''}`,
        unit: 'GFLOP/s',
        ...(await measure(2 * m * k * n, rounds, () => gemm.float32(c, a, b, { m, k, n, transposed }))),
      });
    }
    const codes = kernels.bytes(m * k).map((_, i) => i * 37);
    const weights = Int8Array.from({ length: k * n }, (_, i) => i * 91);
    const sums = kernels.integers(m * n);
    timings.push({
      name: `${gemm.name} int8 ${size}`,
      unit: 'GOP/s',
      ...(await measure(2 * m * k * n, rounds, () => gemm.int8(sums, codes, weights, { m, k, n }))),
    });
    kernels.release(mark);
  }
  return timings;
}

/** Bytes count once where they are read and once where they are written. */
async function elementwise(kernels: Kernels, rounds: number): Promise<Timing[]> {
  const length = ROWS * COLUMNS;
  const source = random(kernels, length);
  const x = kernels.floats(length);
  const out = kernels.floats(length);
  const sums = kernels.integers(length).map((_, i) => i * 977);
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
  const timings: Timing[] = [];
  for (const [name, bytes, work] of works) {
    // Kernels in place would otherwise run on their own results.
    const figures = await measure(bytes * length, rounds, work, () => x.set(source));
    timings.push({ name: `${name} ${ROWS}x${COLUMNS}`, unit: 'GB/s', ...figures });
  }
  return timings;
}

function random(kernels: Kernels, length: number): Float32Array {
  const values = kernels.floats(length);
  for (let i = 0; i < length; i++) values[i] = (Math.random() - 0.5) * 6;
  return values;
}

async function measure(
  work: number,
  rounds: number,
  once: () => void | Promise<void>,
  prepare?: () => void,
): Promise<{ best: number; median: number }> {
  const seconds: number[] = [];
  for (let i = 0; i < rounds; i++) {
    prepare?.();
    const start = performance.now();
    await once();
    seconds.push((performance.now() - start) / 1e3);
  }
  seconds.sort((a, b) => a - b);
  const rate = (time: number) => work / time / 1e9;
  return { best: rate(seconds[0]), median: rate(seconds[rounds >> 1]) };
}

if (import.meta.main) {
  for (const { name, unit, best, median } of await run(Number(process.argv[2] ?? 30))) {
    console.log(
      `${name.padEnd(44)} ${best.toFixed(1).padStart(8)} ${median.toFixed(1).padStart(8)}  ${unit} best, median`,
    );
  }
}
