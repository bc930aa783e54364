import type { Kernels } from './kernels.ts';
import { natural, same, wholeRows } from './operands.ts';
import {
  type OutlierProducts,
  type Outliers,
  type SplitRows,
  type SplitWeight,
  WEIGHT_PANEL,
} from './outlier-products.ts';
import { WebAssemblyKernels } from './webassembly.ts';

const LARGEST = 2 ** 15;
/** Weights split at a time, in values. */
const CHUNK = 1 << 21;
/** Rows of A that are turned at a time for the weight's outliers: what the kernel has registers for. */
const TURNED = 32;
/** Rows that are summed again at a time, and columns. */
const [AGAIN_ROWS, AGAIN_COLUMNS] = [48, 64];

/** Corrections for outliers over the kernels of `assembly/`. */
export function createOutlierProducts(kernels: Kernels): OutlierProducts {
  if (!(kernels instanceof WebAssemblyKernels)) {
    throw new Error('createOutlierProducts takes what createKernels made');
  }
  return new WebAssemblyOutlierProducts(kernels);
}

/** A list of outliers in the kernel memory: addresses, the entries from the first row's on. */
interface List {
  starts: number;
  columns: number;
  values: number;
}

class WebAssemblyOutlierProducts implements OutlierProducts {
  readonly #kernels: WebAssemblyKernels;

  constructor(kernels: WebAssemblyKernels) {
    this.#kernels = kernels;
  }

  splitRows(x: Float32Array, columns: number): SplitRows {
    const rows = wholeRows('splitRows', x.length, columns);
    const codes = this.#kernels.bytes(x.length);
    return { rows, columns, codes, outliers: this.#split('splitRows', codes, x, rows, columns, 128) };
  }

  splitWeight(
    outputs: number,
    inputs: number,
    block: (from: number, rows: number) => Float32Array,
  ): SplitWeight {
    natural('splitWeight', 'outputs', outputs);
    natural('splitWeight', 'inputs', inputs);
    const kernels = this.#kernels;
    const codes = new Int8Array(new SharedArrayBuffer(outputs * inputs));
    const starts = shared(outputs + 1);
    const parts: Outliers[] = [];
    const mark = kernels.mark();
    const largest = kernels.floats(inputs).fill(0);
    // A power of two, so that a block lies within one panel.
    const step = 2 ** Math.floor(Math.log2(Math.max(1, Math.min(WEIGHT_PANEL, CHUNK / Math.max(inputs, 1)))));
    for (let from = 0; from < outputs; from += step) {
      const inner = kernels.mark();
      const rows = Math.min(step, outputs - from);
      const x = block(from, rows);
      same('splitWeight', 'the block', x.length, rows * inputs);
      if (inputs > 0) kernels.columnAbsMax(largest, x, inputs);
      const encoded = this.#signed(x.length);
      const found = this.#split('splitWeight', encoded, x, rows, inputs, 0);
      const before = starts[from]!;
      for (let r = 1; r <= rows; r++) starts[from + r] = before + found.starts[r]!;
      parts.push({ ...found, columns: found.columns.slice(), values: found.values.slice() });
      const turned = this.#signed(x.length);
      kernels.transposeBytes(turned, encoded, rows, inputs);
      const panel = from - (from % WEIGHT_PANEL);
      const width = Math.min(WEIGHT_PANEL, outputs - panel);
      for (let i = 0; i < inputs; i++) {
        codes.set(turned.subarray(i * rows, (i + 1) * rows), panel * inputs + i * width + from - panel);
      }
      kernels.release(inner);
    }
    const [columns, values] = [shared(starts[outputs]!), shared(starts[outputs]!)];
    let at = 0;
    for (const part of parts) {
      columns.set(part.columns, at);
      values.set(part.values, at);
      at += part.columns.length;
    }
    const most = new Float32Array(new SharedArrayBuffer(inputs * 4));
    most.set(largest);
    kernels.release(mark);
    return { outputs, inputs, codes, outliers: { starts, columns, values }, largest: most };
  }

  add(sums: Int32Array, a: SplitRows, weight: SplitWeight, from: number): void {
    const kernels = this.#kernels;
    const { exports } = kernels;
    const n = checkPanel('add', sums, a, weight, from);
    const c = kernels.at('add', sums);
    const k = weight.inputs;
    kernels.scratch(() => {
      if (count(a.outliers, 0, a.rows) > 0) {
        const { starts, columns, values } = this.#list(a.outliers, 0, a.rows);
        const b = this.#bytes(panelOf(weight, from, n));
        exports.addLeftOutliers(c, n * 4, starts, columns, values, b, n, a.rows, n);
      }
      if (count(weight.outliers, from, n) === 0) return;
      const { starts, columns, values } = this.#list(weight.outliers, from, n);
      const spare = kernels.take(TURNED * Math.max(16, k));
      for (let row = 0; row < a.rows; row += TURNED) {
        const mark = kernels.mark();
        const rows = Math.min(TURNED, a.rows - row);
        const height = rows <= 4 ? 4 : TURNED;
        const turned = kernels.take(height * k * 4);
        const part = this.#list(a.outliers, row, rows);
        const codes = this.#bytes(a.codes.subarray(row * k, (row + rows) * k));
        exports.turnIntegers(turned, height, codes, part.starts, part.columns, part.values, rows, k, spare);
        const to = c + row * n * 4;
        exports.addRightOutliers(to, n * 4, turned, height, starts, columns, values, rows, n, spare);
        kernels.release(mark);
      }
    });
  }

  doubtfulRows(a: SplitRows, weight: SplitWeight): number[] {
    const kernels = this.#kernels;
    same('doubtfulRows', 'a row', a.columns, weight.inputs);
    const mark = kernels.mark();
    const bounds = kernels.floats(a.rows);
    const { starts, columns, values } = this.#list(a.outliers, 0, a.rows);
    const [codes, largest] = [this.#bytes(a.codes), kernels.vector(weight.largest)];
    kernels.exports.boundRows(
      bounds.byteOffset,
      codes,
      starts,
      columns,
      values,
      largest,
      a.rows,
      weight.inputs,
    );
    // Twice what rounding can have taken away.
    const slack = 1 + weight.inputs * 2 ** -22;
    const doubtful: number[] = [];
    bounds.forEach((bound, row) => {
      if (!(bound * slack < 2 ** 31)) doubtful.push(row);
    });
    kernels.release(mark);
    return doubtful;
  }

  overflows(
    sums: Int32Array,
    a: SplitRows,
    weight: SplitWeight,
    from: number,
    rows: readonly number[],
  ): number {
    const n = checkPanel('overflows', sums, a, weight, from);
    const at = this.#kernels.at('overflows', sums);
    let total = 0;
    for (let i = 0; i < rows.length; i += AGAIN_ROWS) {
      this.#kernels.scratch(() => {
        total += this.#wrapped(at, a, weight, from, n, rows.slice(i, i + AGAIN_ROWS));
      });
    }
    return total;
  }

  /** Sums the rows again, in float64, and counts those that differ. */
  #wrapped(
    sums: number,
    a: SplitRows,
    weight: SplitWeight,
    from: number,
    n: number,
    rows: readonly number[],
  ): number {
    const kernels = this.#kernels;
    const { exports } = kernels;
    const k = weight.inputs;
    const left = kernels.take(rows.length * k * 4);
    rows.forEach((row, i) => {
      const mark = kernels.mark();
      const { columns, values } = this.#list(a.outliers, row, 1);
      const codes = this.#bytes(a.codes.subarray(row * k, (row + 1) * k));
      exports.widenRow(left + i * k * 4, codes, columns, values, count(a.outliers, row, 1), k);
      kernels.release(mark);
    });
    const ones = kernels.floats(8).fill(1).byteOffset;
    const step = kernels.integers(3);
    step.set([k, 0, 0]);
    const tile = kernels.take(192);
    const packed = kernels.take(AGAIN_COLUMNS * k * 4);
    const out = kernels.take(rows.length * AGAIN_COLUMNS * 4);
    const b = this.#bytes(panelOf(weight, from, n));
    let total = 0;
    for (let j = 0; j < n; j += AGAIN_COLUMNS) {
      const width = Math.min(AGAIN_COLUMNS, n - j);
      const mark = kernels.mark();
      const { starts, columns, values } = this.#list(weight.outliers, from + j, width);
      exports.packIntegers(packed, b + j, n, starts, columns, values, width, k);
      kernels.release(mark);
      exports.multiplyGroupsWide(
        out,
        width * 4,
        left,
        k * 4,
        ones,
        0,
        packed,
        ones,
        0,
        rows.length,
        width,
        k,
        step.byteOffset,
        1,
        tile,
      );
      rows.forEach((row, i) => {
        total += exports.countWrapped(out + i * width * 4, sums + (row * n + j) * 4, width);
      });
    }
    return total;
  }

  #split(
    kernel: string,
    codes: Uint8Array | Int8Array,
    x: Float32Array,
    rows: number,
    columns: number,
    offset: number,
  ): Outliers {
    const kernels = this.#kernels;
    const at = kernels.at(kernel, x);
    const largest = kernels.absMax(x);
    if (!(largest <= LARGEST)) throw new Error(`${kernel}: an element of ${largest}, expected up to ±2^15`);
    const starts = kernels.integers(rows + 1);
    const total = kernels.exports.countOutliers(starts.byteOffset, at, rows, columns);
    const found = { starts, columns: kernels.integers(total), values: kernels.integers(total) };
    const to = [found.columns.byteOffset, found.values.byteOffset] as const;
    kernels.exports.extractOutliers(codes.byteOffset, at, rows, columns, offset, ...to);
    return found;
  }

  /** The outliers of some rows: where they lie, or a copy. */
  #list({ starts, columns, values }: Outliers, row: number, rows: number): List {
    const [first, last] = [starts[row]!, starts[row + rows]!];
    return {
      starts: this.#bytes(starts.subarray(row, row + rows + 1)),
      columns: this.#bytes(columns.subarray(first, last)),
      values: this.#bytes(values.subarray(first, last)),
    };
  }

  /** Address of a view of any buffer: its own, or that of a copy. */
  #bytes(view: Uint8Array | Int8Array | Int32Array): number {
    if (this.#kernels.owns(view)) return view.byteOffset;
    const copy = this.#kernels.bytes(view.byteLength);
    copy.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return copy.byteOffset;
  }

  #signed(length: number): Int8Array {
    const bytes = this.#kernels.bytes(length);
    return new Int8Array(bytes.buffer, bytes.byteOffset, length);
  }
}

/** Outputs of the panel that begins at `from`. */
function checkPanel(
  kernel: string,
  sums: Int32Array,
  a: SplitRows,
  weight: SplitWeight,
  from: number,
): number {
  natural(kernel, 'from', from);
  if (from % WEIGHT_PANEL !== 0) throw new Error(`${kernel}: no panel begins at output ${from}`);
  const n = Math.max(0, Math.min(WEIGHT_PANEL, weight.outputs - from));
  same(kernel, 'a row', a.columns, weight.inputs);
  same(kernel, 'sums', sums.length, a.rows * n);
  return n;
}

function panelOf({ codes, inputs }: SplitWeight, from: number, n: number): Int8Array {
  return codes.subarray(from * inputs, (from + n) * inputs);
}

/** Number of outliers of some rows. */
function count({ starts }: Outliers, row: number, rows: number): number {
  return starts[row + rows]! - starts[row]!;
}

function shared(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(length * 4));
}
