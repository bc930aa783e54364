import type { WorkloadGemm } from '../contract.ts';
import { ratio } from '../exact.ts';
import { arrayDemand, mapGemm, type SystolicArray } from '../systolic/mapping.ts';

/** What SCALE-Sim's COMPUTE_REPORT and DETAILED_ACCESS_REPORT say of one layer without stalls. Accesses in elements. */
export interface ScaleSimReport {
  totalCycles: bigint;
  /**
   * Percent: multiply-accumulates / (total cycles x processing elements). Above 100 where the missing cycle tells, and
   * Infinity for 1 x 1 x 1 on 1 x 1, where SCALE-Sim divides by its 0 cycles and stops.
   */
  overallUtilization: number;
  /** Percent, over the folds: elements that have work. */
  mappingEfficiency: number;
  /** Percent, over the folds: multiply-accumulates / (cycles of a fold x processing elements). */
  computeUtilization: number;
  ifmapSramReads: bigint;
  filterSramReads: bigint;
  ofmapSramWrites: bigint;
}

/**
 * SCALE-Sim's own figures by its own definitions (versions 2.0.2 and 3.0.0, equal in both), its slips included:
 *
 * - total cycles is the index of the last cycle, from 0 (double_buffered_scratchpad_mem.py);
 * - the compute utilisation of WS and IS takes a fold to last C - 1 cycles longer than it does: the skew over the columns
 *   is added to a length that has it already (systolic_compute_ws.py, create_filter_demand_mat);
 * - OFMAP writes are R + C a fold too many in OS (systolic_compute_os.py), and count the partial sums in WS and IS.
 */
export function scaleSimReport(gemm: WorkloadGemm, array: SystolicArray): ScaleSimReport {
  const mapping = mapGemm(gemm, array);
  const { spatialRows, spatialColumns, time, rows, columns, foldCycles } = mapping;
  const folds = mapping.rowFolds * mapping.columnFolds;
  const elements = rows * columns;
  const totalCycles = folds * foldCycles - 1n;
  const demand = arrayDemand(mapping);
  const outputStationary = mapping.dataflow === 'output-stationary';
  const foldLength = outputStationary ? foldCycles : foldCycles + columns - 1n;
  const macs = spatialRows * spatialColumns * time;
  return {
    totalCycles,
    overallUtilization: ratio(100n * macs, totalCycles * elements),
    mappingEfficiency: ratio(100n * spatialRows * spatialColumns, folds * elements),
    computeUtilization: ratio(100n * macs, folds * elements * foldLength),
    ifmapSramReads: mapping.left === 'input' ? demand.left : demand.top,
    filterSramReads: mapping.left === 'weight' ? demand.left : demand.top,
    ofmapSramWrites: demand.outputs + demand.partials + (outputStationary ? folds * (rows + columns) : 0n),
  };
}
