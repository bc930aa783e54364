/**
 * Products of formats with scales, on one core, at 512 x 768 x 3072 and one row: a scale a group beside plain float32,
 * int8 with sparse 16-bit outliers beside plain int8; and the Hadamard rotation beside a copy.
 * `node bench/products.ts [rounds]`
 */
import {
  createGemm,
  createGroupGemm,
  createKernels,
  createOutlierProducts,
  type Gemm,
  type Kernels,
  WEIGHT_PANEL,
} from '../src/kernels/index.ts';
import { median, printRows, type Row } from './row.ts';

const SHAPE = { m: 512, k: 768, n: 3072 };
/** OLAccel's share of outliers is about 0.03, OliVe's pairs have 0.01. */
const SHARES = [0.01, 0.03];

export async function run(rounds = 20): Promise<Row[]> {
  const kernels = await createKernels();
  const gemms = [
    await createGemm(kernels, { backend: 'webassembly' }),
    await createGemm(kernels, { backend: 'onnxruntime' }),
  ];
  return [
    ...(await groups(kernels, gemms, rounds)),
    ...(await outliers(kernels, gemms, rounds)),
    ...(await rotations(kernels, rounds)),
  ];
}

async function groups(kernels: Kernels, gemms: Gemm[], rounds: number): Promise<Row[]> {
  const product = createGroupGemm(kernels);
  const rows: Row[] = [];
  const { k, n } = SHAPE;
  // In a buffer that worker threads share, as weights lie.
  const b = new Float32Array(new SharedArrayBuffer(n * k * 4));
  b.set(integers(n * k, 7));
  for (const m of [SHAPE.m, 1]) {
    const mark = kernels.mark();
    const size = `${m}x${k}x${n}`;
    const [a, c] = [kernels.load(integers(m * k, 127)), kernels.floats(m * n)];
    const work = 2 * m * k * n;
    for (const gemm of gemms) {
      const once = () => gemm.float32(c, a, b, { m, k, n, transposed: true });
      rows.push(await measure(`${gemm.name} float32 ${size}`, 'GFLOP/s', work, rounds, once));
    }
    for (const wide of [false, true]) {
      for (const group of wide ? [64] : [16, 32, 64, 128]) {
        const scales = (count: number) => new Float32Array((count * k) / group).fill(0.01);
        const [x, w] = [
          { elements: a, scales: scales(m), group },
          { elements: b, scales: scales(n), group },
        ];
        const what = `group product ${size}, group ${group}${wide ? ', float64 sums' : ''}`;
        const once = () => product.product(c, x, w, { m, k, n, wide });
        const row = await measure(what, 'GFLOP/s', work, rounds, once);
        rows.push(m > 1 && group === 64 && !wide ? { ...row, target: '35' } : row);
      }
    }
    kernels.release(mark);
  }
  return rows;
}

async function outliers(kernels: Kernels, gemms: Gemm[], rounds: number): Promise<Row[]> {
  const products = createOutlierProducts(kernels);
  const { m, k, n } = SHAPE;
  const rows: Row[] = [];
  for (const share of SHARES) {
    const mark = kernels.mark();
    const values = (length: number) =>
      kernels.load(
        new Float32Array(length).map(() => (Math.random() < share ? 128 + 8 * integer(100) : integer(127))),
      );
    const x = values(m * k);
    const w = values(n * k);
    const a = products.splitRows(x, k);
    const weight = products.splitWeight(n, k, (from, count) => w.subarray(from * k, (from + count) * k));
    const sums = kernels.integers(m * WEIGHT_PANEL);
    for (const corrected of [false, true]) {
      for (const gemm of gemms) {
        const once = async () => {
          for (let from = 0; from < n; from += WEIGHT_PANEL) {
            const codes = weight.codes.subarray(from * k, (from + WEIGHT_PANEL) * k);
            await gemm.int8(sums, a.codes, codes, { m, k, n: WEIGHT_PANEL });
            if (corrected) products.add(sums, a, weight, from);
          }
          if (corrected) products.doubtfulRows(a, weight);
        };
        const what = `${gemm.name} int8 ${m}x${k}x${n}${corrected ? `, ${share * 100} % outliers on both sides` : ''}`;
        if (corrected || share === SHARES[0]) {
          rows.push(await measure(what, 'GOP/s', 2 * m * k * n, rounds, once));
        }
      }
    }
    kernels.release(mark);
  }
  return rows;
}

/** Bytes count once where they are read and once where they are written. */
async function rotations(kernels: Kernels, rounds: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const columns of [768, 3072, 4096, 5120, 11008]) {
    const mark = kernels.mark();
    const x = integers(512 * columns, 7);
    const [from, to] = [kernels.load(x), kernels.load(x)];
    const work = 8 * x.length;
    const once = () => kernels.hadamard(from, columns);
    const copy = await measure('copy', 'GB/s', work, rounds, () => to.set(x));
    const row = await measure(`hadamard 512x${columns}`, 'GB/s', work, rounds, once);
    rows.push({ ...row, note: `${row.note}; a copy ${copy.value.toFixed(1)}` });
    kernels.release(mark);
  }
  return rows;
}

function integers(length: number, largest: number): Float32Array {
  return new Float32Array(length).map(() => integer(largest));
}

function integer(largest: number): number {
  return Math.round((Math.random() * 2 - 1) * largest);
}

async function measure(
  what: string,
  unit: string,
  work: number,
  rounds: number,
  once: () => void | Promise<void>,
): Promise<Row> {
  const rates: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await once();
    rates.push(work / (performance.now() - start) / 1e6);
  }
  return { what, value: Math.max(...rates), unit, note: `median ${median(rates).toFixed(1)}` };
}

if (import.meta.main) printRows('products with scales, one core', await run(Number(process.argv[2] ?? 20)));
