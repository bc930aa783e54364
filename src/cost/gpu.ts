import { InputError } from '../errors.ts';
import type { ArrayCost, Constant, OperandBits, Traffic, WorkloadGemm } from './contract.ts';
import { bitsRoundedUp, ceilDivide } from './exact.ts';

/** Operand widths that tensor cores multiply. */
export type TensorBits = 4 | 8 | 16;

/** Outputs that a thread block computes. */
interface BlockTile {
  rows: number;
  columns: number;
}

export interface Gpu {
  name: string;
  multiprocessors: Constant;
  /** Hz. */
  clock: Constant;
  /** Multiply-accumulates a multiprocessor does in a cycle, and the K that one matrix instruction takes. */
  tensor: Record<TensorBits, { rate: Constant; depth: number }>;
  /** Integer instructions a multiprocessor does in a cycle, for what the tensor cores do not do. */
  integerRate: Constant;
  /** B/s. */
  dramBandwidth: Constant;
  /** Cycles before a kernel's first block runs. */
  launch: Constant;
  /** Choices of a GEMM library; of equally fast ones the first is taken. */
  tiles: readonly BlockTile[];
}

/** How a GEMM is computed on it. */
export interface GpuKernel {
  /** As stored in DRAM. */
  bits: OperandBits;
  /** Width that operands are multiplied in. */
  multiplyBits: TensorBits;
  /** Integer instructions for each weight that a block reads, where its stored form is not the multiplied one. */
  unpack: Constant | undefined;
}

export interface GpuCost extends ArrayCost {
  cycles: { compute: bigint; stall: bigint };
  traffic: Traffic;
  tile: BlockTile;
  seconds: number;
}

/**
 * A roofline with tile quantisation. Compute: ceil(blocks / multiprocessors) waves of whole tiles, K padded to the matrix
 * instruction; unpacking is not hidden behind it. Stalls: the DRAM's time beyond that, and each kernel's launch. DRAM
 * moves every operand once (blocks share through L2; no capacity is checked); SRAM traffic is what blocks read and write
 * through L2. Not modelled: bank conflicts, occupancy, partial waves that overlap the next kernel, split K.
 */
export function gpuCost(gemm: WorkloadGemm, gpu: Gpu, kernel: GpuKernel): GpuCost {
  for (const key of ['m', 'k', 'n', 'count'] as const) {
    const value = gemm[key];
    if (!(Number.isSafeInteger(value) && value > 0)) {
      throw new InputError(`expected a whole number above 0, found ${value}`, { place: { key } });
    }
  }
  const [m, k, n, count] = [BigInt(gemm.m), BigInt(gemm.k), BigInt(gemm.n), BigInt(gemm.count)];
  const { rate, depth } = gpu.tensor[kernel.multiplyBits];
  const multiprocessors = BigInt(gpu.multiprocessors.value);
  const paddedK = ceilDivide(k, BigInt(depth)) * BigInt(depth);

  let best: { compute: bigint; tile: BlockTile; blocks: bigint } | undefined;
  for (const tile of gpu.tiles) {
    const [rows, columns] = [BigInt(tile.rows), BigInt(tile.columns)];
    const blocks = ceilDivide(m, rows) * ceilDivide(n, columns);
    const products = ceilDivide(rows * columns * paddedK, BigInt(rate.value));
    const unpacked = Math.ceil((kernel.unpack?.value ?? 0) * tile.columns * gemm.k);
    const unpacking = ceilDivide(BigInt(unpacked), BigInt(gpu.integerRate.value));
    const compute = ceilDivide(blocks, multiprocessors) * (products + unpacking);
    if (!best || compute < best.compute) best = { compute, tile, blocks };
  }
  const { compute, tile, blocks } = best!;

  const dramReads = bitsRoundedUp(m * k, kernel.bits.input) + bitsRoundedUp(k * n, kernel.bits.weight);
  const dramWrites = bitsRoundedUp(m * n, kernel.bits.output);
  const dram = ceilDivide(
    (dramReads + dramWrites) * BigInt(gpu.clock.value),
    8n * BigInt(gpu.dramBandwidth.value),
  );
  const stall = (dram > compute ? dram - compute : 0n) + BigInt(gpu.launch.value);
  const total = Number(compute + stall);
  const blockReads =
    bitsRoundedUp(BigInt(tile.rows) * k, kernel.bits.input) +
    bitsRoundedUp(BigInt(tile.columns) * k, kernel.bits.weight);
  return {
    cycles: { compute: compute * count, stall: stall * count },
    utilization: (gemm.m * gemm.k * gemm.n) / (total * gpu.multiprocessors.value * rate.value),
    traffic: {
      sramReads: blocks * blockReads * count,
      sramWrites: dramWrites * count,
      dramReads: dramReads * count,
      dramWrites: dramWrites * count,
    },
    tile,
    seconds: (total * gemm.count) / gpu.clock.value,
  };
}

const WHITE_PAPER =
  'NVIDIA Turing GPU Architecture white paper (WP-09183-001), GeForce RTX 2080 Ti, reference';
const GPGPU_SIM = 'GPGPU-Sim, configs/tested-cfgs/SM75_RTX2060/gpgpusim.config';

/** OliVe's GPU: Turing in GPGPU-Sim; its 139,264 four-bit decoders are 68 multiprocessors of 2048. */
export const RTX_2080_TI: Gpu = {
  name: 'RTX 2080 Ti',
  multiprocessors: { value: 68, unit: '', source: WHITE_PAPER },
  clock: { value: 1545e6, unit: 'Hz', source: `${WHITE_PAPER}, boost clock` },
  // Depth: PTX ISA, mma for sm_75: m16n8k8 .f16, m8n8k16 .s8, m8n8k32 .s4.
  tensor: {
    4: { rate: tensorRate(2048, '430.3 INT4 TOPS'), depth: 32 },
    8: { rate: tensorRate(1024, '215.2 INT8 TOPS'), depth: 16 },
    16: { rate: tensorRate(512, '107.6 FP16 TFLOPS with FP16 accumulation; half with FP32'), depth: 8 },
  },
  integerRate: { value: 64, unit: 'instruction/cycle', source: `${WHITE_PAPER}: 64 INT32 cores` },
  dramBandwidth: { value: 616e9, unit: 'B/s', source: `${WHITE_PAPER}, GDDR6` },
  launch: { value: 5000, unit: 'cycles', source: `${GPGPU_SIM}: gpgpu_kernel_launch_latency` },
  // CUTLASS's thread block tiles for Turing tensor cores, larger first.
  tiles: [
    { rows: 256, columns: 128 },
    { rows: 128, columns: 256 },
    { rows: 128, columns: 128 },
    { rows: 128, columns: 64 },
    { rows: 64, columns: 128 },
    { rows: 64, columns: 64 },
  ],
};

function tensorRate(value: number, peak: string): Constant {
  return { value, unit: 'MAC/cycle', source: `${WHITE_PAPER}: ${peak}` };
}
