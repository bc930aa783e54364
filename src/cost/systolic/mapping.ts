import type { WorkloadGemm } from '../contract.ts';
import { ceilDivide, min } from '../exact.ts';

/** What stays in the processing elements while the rest moves. */
export type Dataflow = 'input-stationary' | 'output-stationary' | 'weight-stationary';

export interface SystolicArray {
  /** Processing elements in a column, R. */
  rows: number;
  /** Processing elements in a row, C. */
  columns: number;
  dataflow: Dataflow;
  /** Bits of a partial sum that leaves the array before its sum is complete; left out: the output's. */
  partialBits?: number;
}

/**
 * A GEMM on an array, in the words of Samajdar et al., "A Systematic Methodology for Characterizing Scalability of DNN
 * Accelerators using SCALE-Sim", ISPASS 2020, section III and table III: S_R and S_C are laid over the array's rows and
 * columns, T passes in time.
 *
 * | dataflow | S_R | S_C | T | from the left       | from the top             | leaves          |
 * | OS       | M   | N   | K | inputs S_R x T      | weights T x S_C          | outputs S_R x S_C |
 * | WS       | K   | N   | M | inputs S_R x T      | weights S_R x S_C, stay  | outputs T x S_C |
 * | IS       | K   | M   | N | weights S_R x T     | inputs S_R x S_C, stay   | outputs T x S_C |
 *
 * Input stationary is weight stationary with the operands' parts exchanged: C' = B' A'.
 */
export interface Mapping {
  dataflow: Dataflow;
  left: 'input' | 'weight';
  top: 'input' | 'weight';
  spatialRows: bigint;
  spatialColumns: bigint;
  time: bigint;
  /** The array's size. */
  rows: bigint;
  columns: bigint;
  /** Inner loop: ceil(S_R / R). */
  rowFolds: bigint;
  /** Outer loop: ceil(S_C / C), a sweep each. */
  columnFolds: bigint;
  /**
   * Cycles of one fold. A fold at the edge takes as long: its idle rows and columns are clocked all the same.
   *   OS      T + R + C - 2    the last element gets its last operands R + C - 2 cycles after the first one
   *   WS, IS  2R + C + T - 2   R to load the stationary tile, then T through R rows and C columns
   * Equal to SCALE-Sim's demand matrices (compute/systolic_compute_{os,ws,is}.py, versions 2.0.2 and 3.0.0).
   */
  foldCycles: bigint;
}

export function mapGemm(gemm: WorkloadGemm, array: SystolicArray): Mapping {
  const [m, k, n] = [BigInt(gemm.m), BigInt(gemm.k), BigInt(gemm.n)];
  const rows = BigInt(array.rows);
  const columns = BigInt(array.columns);
  const place = (spatialRows: bigint, spatialColumns: bigint, time: bigint, load: bigint) => ({
    dataflow: array.dataflow,
    spatialRows,
    spatialColumns,
    time,
    rows,
    columns,
    rowFolds: ceilDivide(spatialRows, rows),
    columnFolds: ceilDivide(spatialColumns, columns),
    foldCycles: load + time + rows + columns - 2n,
  });
  switch (array.dataflow) {
    case 'output-stationary':
      return { left: 'input', top: 'weight', ...place(m, n, k, 0n) };
    case 'weight-stationary':
      return { left: 'input', top: 'weight', ...place(k, n, m, rows) };
    case 'input-stationary':
      return { left: 'weight', top: 'input', ...place(k, m, n, rows) };
  }
}

/** How many columns the sweep with this index fills; 0 beyond the last. */
export function sweepColumns(mapping: Mapping, index: bigint): bigint {
  const { spatialColumns, columns } = mapping;
  const left = spatialColumns - index * columns;
  return left < 0n ? 0n : min(left, columns);
}

/** What moves between the array and its SRAMs, in elements, for the whole GEMM. */
export interface ArrayDemand {
  left: bigint;
  top: bigint;
  /** Complete sums. */
  outputs: bigint;
  /** Incomplete sums, written by each row fold but the last and read by each but the first. */
  partials: bigint;
}

/**
 * Every fold takes its operands from SRAM anew: the left ones S_R x T once a sweep; the top ones T x S_C once a row fold
 * (OS) or S_R x S_C once (WS, IS). SCALE-Sim counts the reads alike. It has no reads of partial sums (its output writes
 * are outputs + partials), and for OS its writes are R + C a fold too many (systolic_compute_os.py, create_ofmap_demand_mat).
 */
export function arrayDemand(mapping: Mapping): ArrayDemand {
  const { spatialRows, spatialColumns, time, rowFolds, columnFolds } = mapping;
  const left = spatialRows * time * columnFolds;
  if (mapping.dataflow === 'output-stationary') {
    return {
      left,
      top: time * spatialColumns * rowFolds,
      outputs: spatialRows * spatialColumns,
      partials: 0n,
    };
  }
  const outputs = time * spatialColumns;
  return { left, top: spatialRows * spatialColumns, outputs, partials: outputs * (rowFolds - 1n) };
}
