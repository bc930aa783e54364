import { type GroupGemm, type GroupShape, type ScaledMatrix, stepsOf } from './group-gemm.ts';
import type { Kernels } from './kernels.ts';
import { checkOperands, natural, same } from './operands.ts';
import { WebAssemblyKernels } from './webassembly.ts';

/** Bytes of B that are packed at a time: with what they are made from they stay in the second-level cache. */
const BLOCK = 1 << 20;
/** Bytes of B that are copied at a time for few rows. */
const STREAM = 1 << 18;
/** Up to this many rows B is not packed. */
const FEW = 5;
/** A tile of C. */
const TILE = 192;

/** Products with a scale a group over the kernels of `assembly/`. */
export function createGroupGemm(kernels: Kernels): GroupGemm {
  if (!(kernels instanceof WebAssemblyKernels)) {
    throw new Error('createGroupGemm takes what createKernels made');
  }
  return new WebAssemblyGroupGemm(kernels);
}

/**
 * 6 x 8 register tiles as in gemm-float32.ts (3 x 8 where wide); a tile adds a step's scaled sums to C's part in the
 * first-level cache.
 */
class WebAssemblyGroupGemm implements GroupGemm {
  readonly #kernels: WebAssemblyKernels;

  constructor(kernels: WebAssemblyKernels) {
    this.#kernels = kernels;
  }

  product(c: Float32Array, a: ScaledMatrix, b: ScaledMatrix, shape: GroupShape): void {
    const { m, k, n } = shape;
    checkOperands('group product', c, a.elements, b.elements, shape);
    const groupsA = checkScales('a', a, m, k);
    const groupsB = checkScales('b', b, n, k);
    const to = this.#kernels.at('group product', c);
    const from = this.#kernels.at('group product', a.elements);
    if (m === 0 || n === 0) return;
    if (k === 0) {
      c.fill(0);
      return;
    }
    this.#kernels.scratch(() =>
      this.#multiply(to, from, { ...a, groups: groupsA }, { ...b, groups: groupsB }, shape),
    );
  }

  #multiply(c: number, from: number, a: Grouped, b: Grouped, { m, k, n, wide }: GroupShape): void {
    const { exports } = this.#kernels;
    const kernels = this.#kernels;
    const few = m <= FEW && !wide;
    const multiply = few
      ? exports.multiplyGroupsFew
      : wide
        ? exports.multiplyGroupsWide
        : exports.multiplyGroups;
    const steps = stepsOf(k, a.group, b.group);
    const list = kernels.integers(steps.length * 3);
    steps.forEach(({ length, groupA, groupB }, i) => {
      list.set([length, groupA * 4, groupB * 32], i * 3);
    });
    const width = blockWidth(few ? STREAM : BLOCK, k * 4, n);
    const panels = Math.ceil(width / 8);
    const sums = kernels.take(TILE);
    const factors = this.#scales(a, 0, m);
    const packed = few ? 0 : kernels.take(panels * k * 32);
    const packedScales = kernels.take(panels * b.groups * 32);
    const stage = kernels.owns(b.elements) ? undefined : kernels.floats(width * k);
    const mark = kernels.mark();
    for (let j = 0; j < n; j += width) {
      const columns = Math.min(width, n - j);
      stage?.set(b.elements.subarray(j * k, (j + columns) * k));
      const elements = stage ? stage.byteOffset : b.elements.byteOffset + j * k * 4;
      if (!few) exports.packTransposed(packed, elements, k * 4, columns, k);
      const scales = this.#scales(b, j, columns);
      exports.packTransposed(packedScales, scales, b.groups * 4, columns, b.groups);
      kernels.release(mark);
      multiply(
        c + j * 4,
        n * 4,
        from,
        k * 4,
        factors,
        a.groups * 4,
        few ? elements : packed,
        packedScales,
        b.groups * 32,
        m,
        columns,
        k,
        list.byteOffset,
        steps.length,
        sums,
      );
    }
  }

  /** Address of the scales of some rows: theirs, or that of a copy. */
  #scales({ scales, groups }: Grouped, row: number, rows: number): number {
    if (scales.length > 1) {
      return this.#kernels.vector(scales.subarray(row * groups, (row + rows) * groups));
    }
    return this.#kernels.floats(rows * groups).fill(scales[0]!).byteOffset;
  }
}

/** With the number of groups in a row. */
interface Grouped extends ScaledMatrix {
  groups: number;
}

/** Groups of a row. */
function checkScales(operand: string, { scales, group }: ScaledMatrix, rows: number, k: number): number {
  natural('group product', `the group of ${operand}`, group);
  if (group === 0) throw new Error(`group product: a group of 0 values in ${operand}`);
  const groups = Math.ceil(k / group);
  if (scales.length !== 1) same('group product', `scales of ${operand}`, scales.length, rows * groups);
  return groups;
}

/** Columns of B per block: a multiple of 8 (at least), near `bytes` at `columnBytes` each. */
function blockWidth(bytes: number, columnBytes: number, n: number): number {
  return Math.min(n, Math.max(8, Math.floor(bytes / columnBytes / 8) * 8));
}
