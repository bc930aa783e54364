/*
 * What the parts of this room hand to each other. Counts (multiply-accumulates, cycles, bits) are bigint: they stay exact
 * beyond 2^53. What a model does not cover is undefined, never 0, and is printed as "not modelled".
 */

/** C[m,n] = A[m,k] · B[k,n], `count` times over. */
export interface WorkloadGemm {
  /** A GEMM site (`q`, `fc2`, …), or a topology file's layer name. */
  site: string;
  /** Rows of the input: tokens times sequences. */
  m: number;
  /** Summed over. */
  k: number;
  n: number;
  count: number;
  /** Whether B is a weight, or an activation (attention products). */
  weight: boolean;
}

export interface Workload {
  /** The model or file that it comes from. */
  name: string;
  phase: 'prefill' | 'decode' | 'file';
  batch: number;
  /** Tokens of the sequence in prefill, tokens in the cache in decode. */
  sequence: number;
  gemms: readonly WorkloadGemm[];
}

/** Bits of one element as it is stored and moved, shared scales included (so it need not be whole). */
export interface OperandBits {
  input: number;
  weight: number;
  output: number;
}

/** Bits moved for one GEMM (all its `count` together). */
export interface Traffic {
  sramReads: bigint;
  sramWrites: bigint;
  dramReads: bigint;
  dramWrites: bigint;
}

/** What an array needs for one GEMM (all its `count` together). */
export interface ArrayCost {
  /** stall is undefined where no memory bandwidth is known. */
  cycles: { compute: bigint; stall: bigint | undefined };
  /** Share of the multipliers' cycles that do useful work, 0..1, stalls included. */
  utilization: number;
  traffic: Traffic | undefined;
}

/** Picojoules. */
export interface Energy {
  compute: number | undefined;
  sram: number | undefined;
  dram: number | undefined;
  static: number | undefined;
  protection: number | undefined;
  recovery: number | undefined;
}

/** A number with where it comes from: shown by `--explain`. */
export interface Constant {
  value: number;
  /** `pJ/bit`, `mm2`, `W`, … */
  unit: string;
  /** Paper and table, a vendor's data sheet, a fit with its range; or "assumed: why". */
  source: string;
}
