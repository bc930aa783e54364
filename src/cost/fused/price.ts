import type { OperandBits } from '../contract.ts';
import { bitsRoundedUp, ceilDivide } from '../exact.ts';
import { type FusedArray, type FusedMemory, splits } from './array.ts';

type Dimension = 'm' | 'k' | 'n';

/** The loops over tiles, outermost first. */
export type LoopOrder = readonly [Dimension, Dimension, Dimension];

export interface GemmShape {
  m: number;
  k: number;
  n: number;
}

/** Tile sizes, and the order of the loops over tiles. A dimension's last tile costs as much as a whole one. */
export interface Tiling extends GemmShape {
  order: LoopOrder;
}

interface Accesses {
  reads: bigint;
  writes: bigint;
}

/** What one GEMM costs under one tiling. Bits. */
export interface TilingPrice {
  cycles: { compute: bigint; stall: bigint };
  buffers: { weight: Accesses; input: Accesses; output: Accesses };
  dram: Accesses;
}

/**
 * The model of BitFusion's simulator as ANT's public code runs it (github.com/clevercool/ANT-Quantization,
 * ant_simulator), for a matrix product.
 *
 * Compute: tiles · cycles of a tile. Output stationary: ceil(m / rows') · ceil(n / columns') · k; weight stationary:
 * m · ceil(n / columns') · ceil(k / rows'); rows' and columns' count the multipliers' splits.
 *
 * Traffic: a tile is loaded where a loop changes it. Going outward, a loop's tiles are kept together in the buffer as long
 * as they fit half of it, and a loop that an operand does not depend on then costs nothing; from the first loop that does
 * not fit, each loop loads again. Operands are padded along k to the array. Outputs that leave before their sum is
 * complete are written again; as in the public code, they are not read back.
 *
 * Stalls: max(0, middle traffic - compute) + first loads + last store, at the DRAM's width. As in the public code an
 * output tile that fits its half is stored while the array computes and has no last store, and one that does not fit is
 * allowed.
 */
export function priceTiling(
  shape: GemmShape,
  tiling: Tiling,
  array: FusedArray,
  bits: OperandBits,
  memory: FusedMemory,
): TilingPrice {
  const split = splits(array, bits);
  const rows = BigInt(array.rows * split.input);
  const columns = BigInt(array.columns * split.weight);
  const [m, k, n] = [BigInt(tiling.m), BigInt(tiling.k), BigInt(tiling.n)];
  const count = (dimension: Dimension) => ceilDivide(BigInt(shape[dimension]), BigInt(tiling[dimension]));
  const tiles = count('m') * count('k') * count('n');

  const perTile =
    array.dataflow === 'output-stationary'
      ? ceilDivide(m, rows) * ceilDivide(n, columns) * k
      : m * ceilDivide(n, columns) * ceilDivide(k, rows);
  const compute = tiles * perTile;

  const loops = tiling.order.toReversed().map((dimension) => ({ dimension, count: count(dimension) }));
  const weight = operandTraffic(
    roundUp(k, BigInt(array.rows * split.weight)) * n,
    bits.weight,
    memory.weightBytes,
    loops.map((loop) => ({ ...loop, depends: loop.dimension !== 'm' })),
  );
  const input = operandTraffic(
    roundUp(k, BigInt(array.columns * split.input)) * m,
    bits.input,
    memory.inputBytes,
    loops.map((loop) => ({ ...loop, depends: loop.dimension !== 'n' })),
  );
  const output = operandTraffic(
    m * n,
    bits.output,
    memory.outputBytes,
    loops.map((loop) => ({ ...loop, depends: loop.dimension !== 'k' })),
  );

  const outputTile = bitsRoundedUp(m * n, bits.output);
  const first = weight.resident + input.resident;
  const last = outputTile <= half(memory.outputBytes) ? 0n : outputTile;
  const width = BigInt(memory.dramBitsPerCycle);
  const middle = weight.total + input.total + output.total - first - last;
  const waiting = ceilDivide(middle, width) - compute;
  const stall = (waiting > 0n ? waiting : 0n) + ceilDivide(first, width) + ceilDivide(last, width);

  const products = tiles * m * k * n;
  const outputs = tiles * m * n;
  const stationary = array.dataflow === 'output-stationary';
  const outputAccesses = bitsRoundedUp(stationary ? outputs : products, bits.output);
  return {
    cycles: { compute, stall },
    buffers: {
      weight: {
        reads: bitsRoundedUp(stationary ? products : tiles * k * n, bits.weight),
        writes: weight.total,
      },
      input: { reads: bitsRoundedUp(products, bits.input), writes: input.total },
      output: { reads: outputAccesses + output.total, writes: outputAccesses },
    },
    dram: { reads: weight.total + input.total, writes: output.total },
  };
}

/** `loops` innermost first. `resident`: what is in the buffer before the first product. */
function operandTraffic(
  tile: bigint,
  bits: number,
  bytes: number,
  loops: readonly { count: bigint; depends: boolean }[],
): { total: bigint; resident: bigint } {
  let elements = tile;
  let resident = tile;
  let fits = true;
  for (const { count, depends } of loops) {
    if (fits && !depends) continue;
    elements *= count;
    fits &&= bitsRoundedUp(elements, bits) <= half(bytes);
    if (fits) resident = elements;
  }
  return { total: bitsRoundedUp(elements, bits), resident: bitsRoundedUp(resident, bits) };
}

/** Bits of half a buffer. */
function half(bytes: number): bigint {
  return BigInt(bytes) * 4n;
}

function roundUp(value: bigint, multiple: bigint): bigint {
  return ceilDivide(value, multiple) * multiple;
}
