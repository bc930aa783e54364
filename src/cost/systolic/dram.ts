import { InputError } from '../../errors.ts';
import type { OperandBits } from '../contract.ts';
import { bitsOf, min } from './exact.ts';
import { type Mapping, sweepColumns } from './mapping.ts';

/** SRAM capacities in bits. All three are double-buffered: one half works, the other one is filled or drained. */
export interface SystolicMemory {
  inputBits: number;
  weightBits: number;
  outputBits: number;
  /** Left out: stalls are not modelled. */
  dramBitsPerCycle?: number | undefined;
  /** Whether each operand has an interface of that bandwidth, as in SCALE-Sim. Otherwise they share one. */
  dramPerOperand?: boolean;
}

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

export const NOTHING: DramBits = { input: 0n, weight: 0n, outputReads: 0n, outputWrites: 0n };

/**
 * What crosses the DRAM interface. The loops are SCALE-Sim's: column folds outside (a sweep each), row folds inside. An
 * explicit schedule, so the counts are exact for it:
 *
 * - left operands (S_R x T, wanted whole in each sweep): once if the matrix fits into half of its SRAM, else once a
 *   sweep.
 * - top operands: once. Only OS wants them again, in each row fold, where T x C of them do not fit into half of the SRAM.
 * - outputs: once. WS and IS add up over the row folds in the SRAM; where T x C partial sums do not fit into half of it,
 *   each row fold but the last writes them to DRAM and each but the first reads them back.
 *
 * `inputElements` is the input matrix as DRAM holds it: a convolution's windows overlap, so that it has fewer elements
 * than the matrix. Where those fit into half of the SRAM they come once, in the first sweep; else as the matrix.
 *
 * SCALE-Sim agrees where every operand fits and there is one row fold; beyond that its buffers drop their contents
 * wherever half of their capacity has gone by (memory/read_buffer_estimate_bw.py), and all partial sums go to DRAM.
 *
 * @throws InputError if a buffer does not hold what the array takes at once.
 */
export function dramSchedule(
  mapping: Mapping,
  bits: OperandBits,
  partialBits: number,
  memory: SystolicMemory | undefined,
  inputElements: bigint,
): DramSchedule {
  const { left, top, spatialRows, spatialColumns, time, rowFolds, columnFolds, rows, columns } = mapping;
  const outputStationary = mapping.dataflow === 'output-stationary';
  const usedRows = min(spatialRows, rows);
  const usedColumns = min(spatialColumns, columns);
  // Half of each SRAM; without a memory everything fits.
  const half = {
    input: memory && BigInt(Math.floor(memory.inputBits / 2)),
    weight: memory && BigInt(Math.floor(memory.weightBits / 2)),
    output: memory && BigInt(Math.floor(memory.outputBits / 2)),
  };
  const fits = (operand: keyof OperandBits, size: bigint) => {
    const room = half[operand];
    return room === undefined || size <= room;
  };
  const clip = (operand: keyof OperandBits, size: bigint) => (fits(operand, size) ? size : half[operand]!);

  // At least: what stays, as a whole tile, so that the next one waits in the other half; of what streams, one step.
  const require = (operand: keyof OperandBits, tile: [bigint, bigint], bitsPerElement: number) => {
    const size = bitsOf(tile[0] * tile[1], bitsPerElement);
    if (!fits(operand, size)) throw tooSmall(operand, tile, size, half[operand]!);
  };
  require(left, [usedRows, 1n], bits[left]);
  require(top, [outputStationary ? 1n : usedRows, usedColumns], bits[top]);
  const adds = !outputStationary && rowFolds > 1n;
  require('output', [outputStationary ? usedRows : 1n, usedColumns], adds ? partialBits : bits.output);

  const stored = bitsOf(inputElements, bits.input);
  const leftMatrix = bitsOf(spatialRows * time, bits[left]);
  const leftFits = fits(left, left === 'input' ? stored : leftMatrix);
  const leftOnce = left === 'input' && leftFits ? stored : leftMatrix;

  // A convolution's inputs that stay in the array (IS) and fit come whole, in the first sweep.
  const topMatrix = bitsOf((outputStationary ? time : spatialRows) * spatialColumns, bits[top]);
  const topWhole = top === 'input' && stored < topMatrix && fits(top, stored) ? stored : undefined;
  const topTile = (width: bigint) => bitsOf((outputStationary ? time : spatialRows) * width, bits[top]);
  const topRepeats = outputStationary && rowFolds > 1n && !fits(top, topTile(usedColumns));
  const topTimes = topRepeats ? rowFolds : 1n;

  const outputTile = (width: bigint) => bitsOf((outputStationary ? spatialRows : time) * width, bits.output);
  const partialTile = (width: bigint) => bitsOf(time * width, partialBits);
  const spills = adds && !fits('output', partialTile(usedColumns));
  const spill = (width: bigint) => (spills ? partialTile(width) * (rowFolds - 1n) : 0n);

  const operands = (leftBits: bigint, topBits: bigint) =>
    left === 'input' ? { input: leftBits, weight: topBits } : { input: topBits, weight: leftBits };

  // The first fold's operands, or as much of them as half of the buffer holds, are there before the first cycle.
  const leftFill = min(clip(left, bitsOf(usedRows * time, bits[left])), leftOnce);
  const firstTop = outputStationary ? topTile(usedColumns) : bitsOf(usedRows * usedColumns, bits[top]);
  const topFill = clip(top, topWhole === undefined ? firstTop : min(firstTop, topWhole));
  // The last tile leaves after the last cycle.
  const last = sweepColumns(mapping, columnFolds - 1n);
  const lastRows = outputStationary ? spatialRows - (rowFolds - 1n) * rows : time;
  const drain = clip('output', bitsOf(lastRows * last, bits.output));
  // Sums that were added up in the SRAM leave it during the next sweep; others during their own.
  const late = adds && !spills;

  return {
    total: {
      ...operands(leftFits ? leftOnce : leftOnce * columnFolds, topWhole ?? topMatrix * topTimes),
      outputReads: spill(spatialColumns),
      outputWrites: outputTile(spatialColumns) + spill(spatialColumns),
    },
    fill: { ...NOTHING, ...operands(leftFill, topFill) },
    drain: { ...NOTHING, outputWrites: drain },
    sweep(index) {
      const width = sweepColumns(mapping, index);
      const first = index === 0n;
      const leftBits = first ? leftOnce - leftFill : leftFits ? 0n : leftOnce;
      // OS holds a sweep's top operands and brings the next sweep's meanwhile; otherwise they come as they are used.
      const ahead = outputStationary && !topRepeats;
      const topBits =
        topWhole !== undefined
          ? first
            ? topWhole - topFill
            : 0n
          : ahead
            ? topTile(sweepColumns(mapping, index + 1n)) + (first ? topTile(width) - topFill : 0n)
            : topTile(width) * topTimes - (first ? topFill : 0n);
      const outputs = late
        ? (first ? 0n : outputTile(columns)) + (index === columnFolds - 1n ? outputTile(last) - drain : 0n)
        : outputTile(width) - (index === columnFolds - 1n ? drain : 0n);
      return {
        ...operands(leftBits, topBits),
        outputReads: spill(width),
        outputWrites: outputs + spill(width),
      };
    },
  };
}

function tooSmall(
  operand: string,
  [height, width]: [bigint, bigint],
  size: bigint,
  room: bigint,
): InputError {
  return new InputError(
    `${operand} buffer: a tile of ${height} x ${width} takes ${size} bits, half of the double buffer has ${room}: ` +
      `${size - room} bits too few`,
    { note: `give the ${operand} buffer at least ${2n * size} bits, or the array fewer rows or columns` },
  );
}
