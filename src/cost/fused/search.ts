import { InputError } from '../../errors.ts';
import type { OperandBits } from '../contract.ts';
import { type FusedArray, type FusedMemory, splits } from './array.ts';
import type { GemmShape, LoopOrder, Tiling } from './price.ts';

/** In the order that they are tried, outermost loop first. */
const LOOP_ORDERS: readonly LoopOrder[] = [
  ['m', 'k', 'n'],
  ['m', 'n', 'k'],
  ['k', 'm', 'n'],
  ['k', 'n', 'm'],
  ['n', 'm', 'k'],
  ['n', 'k', 'm'],
];

/** One operand's view of a loop order: indices into [m, k, n]. */
interface LoopView {
  /** The inner and the outer one of the two loops that change the operand. */
  inner: number;
  outer: number;
  /** The loop that does not, and how many of the others it encloses. */
  free: number;
  encloses: number;
}

const DIMENSIONS = ['m', 'k', 'n'] as const;
const VIEWS = LOOP_ORDERS.map((order) => ({
  order,
  weight: loopView(order, 'm'),
  input: loopView(order, 'n'),
  output: loopView(order, 'k'),
}));

/**
 * Tries all tiles of power-of-two sizes (or the whole dimension) that fit, under all loop orders. Fewest cycles wins; of
 * those the least energy of memory accesses, then the fewest compute cycles (the array idles in a stall), then the first
 * tried: m, k and n growing, in this order, then LOOP_ORDERS.
 *
 * The model of `priceTiling` in doubles: exact below 2^53 with whole bits an element. Beyond, tilings within 1e-15 of
 * each other may be taken for equal; the price of the chosen one is exact all the same.
 */
export function findTiling(
  shape: GemmShape,
  array: FusedArray,
  bits: OperandBits,
  memory: FusedMemory,
): Tiling {
  const split = splits(array, bits);
  const rows = array.rows * split.input;
  const columns = array.columns * split.weight;
  const stationary = array.dataflow === 'output-stationary';
  const weightDepth = array.rows * split.weight;
  const inputDepth = array.columns * split.input;
  const weightHalf = memory.weightBytes * 4;
  const inputHalf = memory.inputBytes * 4;
  const outputHalf = memory.outputBytes * 4;
  const width = memory.dramBitsPerCycle;
  const energy = memory.accessEnergy;
  const loadWeight = energy.dram.read.value + energy.weight.write.value;
  const loadInput = energy.dram.read.value + energy.input.write.value;
  const store = energy.dram.write.value + energy.output.read.value;
  const counts = [0, 0, 0];

  let bestCycles = Infinity;
  let bestEnergy = Infinity;
  let bestCompute = Infinity;
  let found: Tiling | undefined;
  for (const m of tileSizes(shape.m)) {
    counts[0] = Math.ceil(shape.m / m);
    for (const k of tileSizes(shape.k)) {
      const inputTile = Math.ceil(k / inputDepth) * inputDepth * m * bits.input;
      if (inputTile > inputHalf) break;
      counts[1] = Math.ceil(shape.k / k);
      for (const n of tileSizes(shape.n)) {
        const weightTile = Math.ceil(k / weightDepth) * weightDepth * n * bits.weight;
        if (weightTile > weightHalf) break;
        counts[2] = Math.ceil(shape.n / n);

        const tiles = counts[0] * counts[1] * counts[2];
        const perTile = stationary
          ? Math.ceil(m / rows) * Math.ceil(n / columns) * k
          : m * Math.ceil(n / columns) * Math.ceil(k / rows);
        const compute = tiles * perTile;
        if (compute > bestCycles) continue;

        const outputTile = m * n * bits.output;
        const last = outputTile <= outputHalf ? 0 : outputTile;
        const products = tiles * m * k * n;
        const outputs = (stationary ? tiles * m * n : products) * bits.output;
        const arrayEnergy =
          (stationary ? products : tiles * k * n) * bits.weight * energy.weight.read.value +
          products * bits.input * energy.input.read.value +
          outputs * (energy.output.read.value + energy.output.write.value);
        for (const { order, weight, input, output } of VIEWS) {
          const first =
            resident(weightTile, weightHalf, weight, counts) + resident(inputTile, inputHalf, input, counts);
          const weights = moved(weightTile, weightHalf, weight, counts);
          const inputs = moved(inputTile, inputHalf, input, counts);
          const stores = moved(outputTile, outputHalf, output, counts);
          const waiting = Math.ceil((weights + inputs + stores - first - last) / width) - compute;
          const cycles = compute + Math.max(0, waiting) + Math.ceil(first / width) + Math.ceil(last / width);
          if (cycles > bestCycles) continue;
          const picojoules = arrayEnergy + weights * loadWeight + inputs * loadInput + stores * store;
          const better =
            cycles < bestCycles ||
            picojoules < bestEnergy ||
            (picojoules === bestEnergy && compute < bestCompute);
          if (!better) continue;
          bestCycles = cycles;
          bestEnergy = picojoules;
          bestCompute = compute;
          found = { m, k, n, order };
        }
      }
    }
  }
  if (!found) throw tooSmall(weightDepth * bits.weight, inputDepth * bits.input, memory);
  return found;
}

/** All bits that cross the DRAM's pins for an operand. */
function moved(tile: number, half: number, view: LoopView, counts: readonly number[]): number {
  const innerKept = tile * counts[view.inner]!;
  const all = innerKept * counts[view.outer]!;
  const reloaded = view.encloses > 0 && (view.encloses === 2 ? all : innerKept) > half;
  return reloaded ? all * counts[view.free]! : all;
}

/** Bits in the buffer before the first product. */
function resident(tile: number, half: number, view: LoopView, counts: readonly number[]): number {
  const innerKept = tile * counts[view.inner]!;
  const all = innerKept * counts[view.outer]!;
  if (all <= half) return all;
  return innerKept <= half ? innerKept : tile;
}

function loopView(order: LoopOrder, free: 'm' | 'k' | 'n'): LoopView {
  const [outer, inner] = order.filter((dimension) => dimension !== free);
  return {
    inner: DIMENSIONS.indexOf(inner!),
    outer: DIMENSIONS.indexOf(outer!),
    free: DIMENSIONS.indexOf(free),
    encloses: 2 - order.indexOf(free),
  };
}

/** 1, 2, 4, … below the dimension, and the dimension. */
function tileSizes(dimension: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size < dimension; size *= 2) sizes.push(size);
  return [...sizes, dimension];
}

/** The smallest tile is one column of the array's depth of weights, or one row of inputs. */
function tooSmall(weightBits: number, inputBits: number, memory: FusedMemory): InputError {
  const [buffer, needed, bytes] =
    weightBits > memory.weightBytes * 4
      ? (['weight', weightBits, memory.weightBytes] as const)
      : (['input', inputBits, memory.inputBytes] as const);
  const least = Math.ceil(needed / 4);
  return new InputError(
    `the smallest tile takes ${Math.ceil(needed / 8)} bytes, half the ${bytes} bytes of the ${buffer} buffer ` +
      `are ${bytes / 2}: ${Math.ceil(needed / 8) - bytes / 2} too few`,
    { place: { key: `${buffer}Bytes` }, note: `give it at least ${least} bytes (two halves, one tile each)` },
  );
}
