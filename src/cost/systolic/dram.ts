import type { OperandBits } from '../contract.ts';
import { bitsOf, min } from '../exact.ts';
import type { Buffers } from './buffers.ts';
import { type Mapping, sweepColumns } from './mapping.ts';

/** Bits between SRAM and DRAM. */
export interface DramBits {
  input: bigint;
  weight: bigint;
  outputReads: bigint;
  outputWrites: bigint;
}

/** What DRAM moves while the array waits for its first operands, in each sweep, and after the last cycle. */
export interface DramSchedule {
  total: DramBits;
  fill: DramBits;
  drain: DramBits;
  /** In the sweep with this index, from 0 to columnFolds - 1. */
  sweep(index: bigint): DramBits;
}

/** One operand's part: what moves before the first cycle (after the last, for outputs), and in each sweep. */
interface Part {
  total: bigint;
  exposed: bigint;
  sweep(index: bigint): bigint;
}

/**
 * What crosses the DRAM interface. The loops are SCALE-Sim's: column folds outside (a sweep each), row folds inside. An
 * explicit schedule, so the counts are exact for it. SCALE-Sim agrees where every operand fits and there is one row fold;
 * beyond that its buffers drop their contents wherever half of their capacity has gone by
 * (memory/read_buffer_estimate_bw.py), and all its partial sums go to DRAM.
 *
 * `inputElements` is the input matrix as DRAM holds it: a convolution's windows overlap, so that it has fewer elements
 * than the matrix. Where those fit into half of the SRAM they come once, in the first sweep; else as the matrix.
 *
 * @throws InputError if a buffer does not hold what the array takes at once
 */
export function dramSchedule(
  mapping: Mapping,
  bits: OperandBits,
  partialBits: number,
  buffers: Buffers,
  inputElements: bigint,
): DramSchedule {
  const stored = bitsOf(inputElements, bits.input);
  const left = leftPart(mapping, bits[mapping.left], buffers, mapping.left === 'input' ? stored : undefined);
  const top = topPart(mapping, bits[mapping.top], buffers, mapping.top === 'input' ? stored : undefined);
  const { reads, writes } = outputParts(mapping, bits.output, partialBits, buffers);
  const [input, weight] = mapping.left === 'input' ? [left, top] : [top, left];
  return {
    total: {
      input: input.total,
      weight: weight.total,
      outputReads: reads.total,
      outputWrites: writes.total,
    },
    fill: { input: input.exposed, weight: weight.exposed, outputReads: 0n, outputWrites: 0n },
    drain: { input: 0n, weight: 0n, outputReads: 0n, outputWrites: writes.exposed },
    sweep: (index) => ({
      input: input.sweep(index),
      weight: weight.sweep(index),
      outputReads: reads.sweep(index),
      outputWrites: writes.sweep(index),
    }),
  };
}

/** S_R x T, wanted whole in each sweep: comes once if it fits, else once a sweep. At least one step of it has to fit. */
function leftPart(mapping: Mapping, bitsEach: number, buffers: Buffers, stored: bigint | undefined): Part {
  const { left, spatialRows, rows, time, columnFolds } = mapping;
  const usedRows = min(spatialRows, rows);
  buffers.require(left, usedRows, 1n, bitsEach);
  const matrix = bitsOf(spatialRows * time, bitsEach);
  const fits = buffers.fits(left, stored ?? matrix);
  const once = fits ? (stored ?? matrix) : matrix;
  // The first fold's operands, or as much of them as half of the buffer holds.
  const exposed = min(buffers.part(left, bitsOf(usedRows * time, bitsEach)), once);
  return {
    total: fits ? once : once * columnFolds,
    exposed,
    sweep(index) {
      if (index === 0n) return once - exposed;
      return fits ? 0n : once;
    },
  };
}

/**
 * WS, IS: S_R x S_C, a tile a fold. As the next one waits while one is in the array, half of the buffer holds a tile.
 * OS: T x S_C, of which a sweep uses T x C in each row fold. They stay for the sweep if they fit, and the next sweep's come
 * meanwhile; else they come again for each row fold, and one step of them has to fit.
 */
function topPart(mapping: Mapping, bitsEach: number, buffers: Buffers, stored: bigint | undefined): Part {
  const { top, spatialRows, spatialColumns, rows, columns, time, rowFolds } = mapping;
  const stays = mapping.dataflow !== 'output-stationary';
  const usedRows = min(spatialRows, rows);
  const usedColumns = min(spatialColumns, columns);
  buffers.require(top, stays ? usedRows : 1n, usedColumns, bitsEach);
  const ofSweep = (width: bigint) => bitsOf((stays ? spatialRows : time) * width, bitsEach);
  const firstFold = stays ? bitsOf(usedRows * usedColumns, bitsEach) : ofSweep(usedColumns);
  const exposed = buffers.part(top, firstFold);
  const matrix = ofSweep(spatialColumns);

  if (stored !== undefined && stored < matrix && buffers.fits(top, stored)) {
    const first = min(exposed, stored);
    return {
      total: stored,
      exposed: first,
      sweep: (index) => (index === 0n ? stored - first : 0n),
    };
  }
  const again = !stays && !buffers.fits(top, ofSweep(usedColumns));
  const times = again ? rowFolds : 1n;
  return {
    total: matrix * times,
    exposed,
    sweep(index) {
      const first = index === 0n;
      const own = ofSweep(sweepColumns(mapping, index)) * times - (first ? exposed : 0n);
      if (stays || again) return own;
      return ofSweep(sweepColumns(mapping, index + 1n)) + (first ? own : 0n);
    },
  };
}

/**
 * Outputs leave once, the last tile after the last cycle. WS and IS add up T x C sums over the row folds of a sweep in the
 * SRAM, whence the complete ones leave during the next sweep; where the sums do not fit, each row fold but the last writes
 * them to DRAM and each but the first reads them back. At least a tile that leaves the array at once (OS) or one step of the
 * sums has to fit.
 */
function outputParts(mapping: Mapping, bitsEach: number, partialBits: number, buffers: Buffers) {
  const { spatialRows, spatialColumns, rows, columns, time, rowFolds, columnFolds } = mapping;
  const outputStationary = mapping.dataflow === 'output-stationary';
  const adds = !outputStationary && rowFolds > 1n;
  const usedColumns = min(spatialColumns, columns);
  const tileRows = outputStationary ? min(spatialRows, rows) : 1n;
  buffers.require('output', tileRows, usedColumns, adds ? partialBits : bitsEach);

  const partials = (width: bigint) => bitsOf(time * width, partialBits);
  const spills = adds && !buffers.fits('output', partials(usedColumns));
  const spill = (width: bigint) => (spills ? partials(width) * (rowFolds - 1n) : 0n);
  const ofSweep = (width: bigint) => bitsOf((outputStationary ? spatialRows : time) * width, bitsEach);
  const lastSweep = columnFolds - 1n;
  const lastColumns = sweepColumns(mapping, lastSweep);
  const lastRows = outputStationary ? spatialRows - (rowFolds - 1n) * rows : time;
  const exposed = buffers.part('output', bitsOf(lastRows * lastColumns, bitsEach));
  const inNextSweep = adds && !spills;
  const reads: Part = {
    total: spill(spatialColumns),
    exposed: 0n,
    sweep: (index) => spill(sweepColumns(mapping, index)),
  };
  const writes: Part = {
    total: ofSweep(spatialColumns) + spill(spatialColumns),
    exposed,
    sweep(index) {
      const width = sweepColumns(mapping, index);
      const atEnd = index === lastSweep ? ofSweep(lastColumns) - exposed : 0n;
      if (!inNextSweep) return spill(width) + (index === lastSweep ? atEnd : ofSweep(width));
      return (index === 0n ? 0n : ofSweep(columns)) + atEnd;
    },
  };
  return { reads, writes };
}
