import { philox, uniform } from '../tensor/philox.ts';
import type { CriticalRegion } from './realm-published.ts';

const ACCUMULATOR_BITS = 32;

/**
 * Share of output tiles that statistical ABFT would compute again, from random bit flips alone: every bit of a tile's INT32
 * results flips with probability `rate`; a flip changes the result by +-2^bit (the bit's value is taken as even odds). A
 * tile is recovered if more than 2^floor of its columns have log2 |d_j| > offset - (slope - 1) log2 |MSD|, the sum of the
 * deviations taken with their signs as in the paper's circuit. Monte Carlo with a fixed seed.
 */
export function recoveryRate(region: CriticalRegion, rate: number, size: number, tiles: number): number {
  let recovered = 0;
  for (let tile = 0; tile < tiles; tile++) {
    const deviations = tileDeviations(rate, size, tile);
    if (isCritical(region, deviations)) recovered++;
  }
  return recovered / tiles;
}

/** ReaLM's test on the deviations of a tile's columns. */
export function isCritical({ slope, offset, floor }: CriticalRegion, deviations: readonly number[]): boolean {
  const sum = Math.abs(deviations.reduce((total, deviation) => total + deviation, 0));
  if (sum === 0) return false;
  const magnitude = offset - (slope - 1) * Math.log2(sum);
  const frequency = deviations.filter((deviation) => Math.log2(Math.abs(deviation)) > magnitude).length;
  return frequency > (floor === undefined ? 0 : 2 ** floor);
}

/** Sums of the flips in each column that has any. Positions by geometric gaps, so that the work goes with the flips. */
function tileDeviations(rate: number, size: number, tile: number): number[] {
  const columns = new Map<number, number>();
  const bits = size * size * ACCUMULATOR_BITS;
  let position = -1;
  for (let draw = 0; ; draw++) {
    const [high, low, sign] = philox([0x7ea1, 0], [draw, tile, 0, 0]);
    position += 1 + Math.floor(Math.log1p(-uniform(high, low)) / Math.log1p(-rate));
    if (position >= bits) return [...columns.values()];
    const bit = position % ACCUMULATOR_BITS;
    const column = Math.floor(position / ACCUMULATOR_BITS) % size;
    columns.set(column, (columns.get(column) ?? 0) + (sign & 1 ? 1 : -1) * 2 ** bit);
  }
}
