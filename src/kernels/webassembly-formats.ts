import type {
  FloatAlignment,
  FloatGrid,
  FloatRounding,
  FlushedFloatRounding,
  FormatKernels,
  Grid,
  GridRounding,
  GroupLayout,
  HalfAlignment,
  IntegerRounding,
  PowerOfTwoRule,
  ScaleLevels,
  SharedExponent,
} from './format-kernels.ts';
import type { KernelExports } from './module.ts';
import { natural, same, wholeRows } from './operands.ts';
import type { KernelStack } from './stack.ts';
import { roundInsideToGrid, roundToGrid } from './webassembly-grids.ts';
import { WebAssemblyPairKernels } from './webassembly-pairs.ts';

/** The format kernels of `assembly/` over the stack of a thread. */
export class WebAssemblyFormatKernels implements FormatKernels {
  readonly #stack: KernelStack;
  readonly #exports: KernelExports;
  readonly pairs: WebAssemblyPairKernels;

  constructor(stack: KernelStack, exports: KernelExports) {
    this.#stack = stack;
    this.#exports = exports;
    this.pairs = new WebAssemblyPairKernels(stack, exports);
  }

  groupAbsMax(out: Float32Array, x: Float32Array, layout: GroupLayout): void {
    const { rows } = shape('groupAbsMax', x, layout, { out });
    const [to, from] = [this.#stack.at('groupAbsMax', out), this.#stack.at('groupAbsMax', x)];
    this.#exports.groupAbsMax(to, from, rows, layout.columns, layout.group);
  }

  groupScales(out: Float32Array, x: Float32Array, layout: GroupLayout, largest: number): void {
    const { rows } = shape('groupScales', x, layout, { out });
    const [to, from] = [this.#stack.at('groupScales', out), this.#stack.at('groupScales', x)];
    this.#exports.groupScales(to, from, rows, layout.columns, layout.group, largest);
  }

  powerOfTwoScales(
    out: Float32Array,
    x: Float32Array,
    layout: GroupLayout,
    { carry, emax, unit }: PowerOfTwoRule,
  ): void {
    const { rows } = shape('powerOfTwoScales', x, layout, { out });
    const [to, from] = [this.#stack.at('powerOfTwoScales', out), this.#stack.at('powerOfTwoScales', x)];
    this.#exports.powerOfTwoScales(to, from, rows, layout.columns, layout.group, carry, emax, unit);
  }

  floatScales(
    scales: Float32Array,
    factors: Float32Array,
    { element, whole, float, least }: { element: number; whole: number; float: FloatGrid; least: number },
  ): void {
    same('floatScales', 'scales', scales.length, factors.length);
    const [to, from] = [this.#stack.at('floatScales', scales), this.#stack.at('floatScales', factors)];
    const { mantissaBits, minExponent, max } = float;
    this.#exports.floatScales(
      to,
      from,
      factors.length,
      element,
      whole,
      mantissaBits,
      minExponent,
      least,
      max,
    );
  }

  groupRange(low: Float32Array, high: Float32Array, x: Float32Array, layout: GroupLayout): void {
    const { rows } = shape('groupRange', x, layout, { low, high });
    const [l, h] = [this.#stack.at('groupRange', low), this.#stack.at('groupRange', high)];
    this.#exports.groupRange(l, h, this.#stack.at('groupRange', x), rows, layout.columns, layout.group);
  }

  groupThreeSigma(out: Float32Array, x: Float32Array, layout: GroupLayout): void {
    const { rows } = shape('groupThreeSigma', x, layout, { out });
    const [to, from] = [this.#stack.at('groupThreeSigma', out), this.#stack.at('groupThreeSigma', x)];
    this.#exports.groupThreeSigma(to, from, rows, layout.columns, layout.group);
  }

  scaleGroups(x: Float32Array, scales: Float32Array, layout: GroupLayout): void {
    const { rows } = shape('scaleGroups', x, layout, { scales });
    const at = this.#stack.at('scaleGroups', x);
    this.#stack.scratch(() => {
      this.#exports.scaleGroups(at, this.#stack.vector(scales), rows, layout.columns, layout.group);
    });
  }

  groupSquaredError(out: Float64Array, x: Float32Array, y: Float32Array, layout: GroupLayout): void {
    const { rows } = shape('groupSquaredError', x, layout, { out });
    same('groupSquaredError', 'y', y.length, x.length);
    const [xAt, yAt] = [this.#stack.at('groupSquaredError', x), this.#stack.at('groupSquaredError', y)];
    this.#stack.scratch(() => {
      const sums = this.#stack.take(out.length * 8);
      this.#exports.groupSquaredError(sums, xAt, yAt, rows, layout.columns, layout.group);
      out.set(new Float64Array(this.#stack.memory.buffer, sums, out.length));
    });
  }

  roundIntegers(
    x: Float32Array,
    scales: Float32Array,
    layout: GroupLayout,
    { low, high, zeros, to }: IntegerRounding,
  ): void {
    const { rows } = shape('roundIntegers', x, layout, { scales, ...(zeros && { zeros }) });
    const at = this.#stack.at('roundIntegers', x);
    this.#stack.scratch(() => {
      const zerosAt = zeros ? this.#stack.vector(zeros) : 0;
      const { columns, group } = layout;
      const scalesAt = this.#stack.vector(scales);
      this.#exports.roundIntegers(at, scalesAt, zerosAt, rows, columns, group, low, high, to === 'values');
    });
  }

  sharedScales(
    out: Float32Array,
    x: Float32Array,
    layout: GroupLayout,
    { mantissa, of }: SharedExponent,
  ): void {
    const { rows } = shape('sharedScales', x, layout, { out });
    const [to, from] = [this.#stack.at('sharedScales', out), this.#stack.at('sharedScales', x)];
    const { columns, group } = layout;
    this.#exports.sharedScales(to, from, rows, columns, group, mantissa, of === 'float16');
  }

  alignHalves(
    x: Float32Array,
    scales: Float32Array,
    layout: GroupLayout,
    { largest, negativeZero, to }: HalfAlignment,
  ): void {
    const { rows } = shape('alignHalves', x, layout, { scales });
    const at = this.#stack.at('alignHalves', x);
    const { columns, group } = layout;
    this.#stack.scratch(() => {
      const scalesAt = this.#stack.vector(scales);
      this.#exports.alignHalves(at, scalesAt, rows, columns, group, largest, negativeZero, to === 'values');
    });
  }

  alignFloats(
    x: Float32Array,
    scales: Float32Array,
    layout: GroupLayout,
    { largest, rounding, to }: FloatAlignment,
  ): void {
    const { rows } = shape('alignFloats', x, layout, { scales });
    const at = this.#stack.at('alignFloats', x);
    const { columns, group } = layout;
    const nearest = rounding === 'nearest';
    this.#stack.scratch(() => {
      const scalesAt = this.#stack.vector(scales);
      this.#exports.alignFloats(at, scalesAt, rows, columns, group, largest, nearest, to === 'values');
    });
  }

  twoLevelScales(
    scales: Float32Array,
    steps: Float32Array,
    coarse: Float32Array,
    { largest, largestScale, divideBy, coarseGiven }: ScaleLevels,
  ): void {
    const kernel = 'twoLevelScales';
    same(kernel, 'scales', scales.length, steps.length);
    const rows = coarse.length;
    if (rows === 0) return;
    const vectors = steps.length / rows;
    natural(kernel, 'vectors a row', vectors);
    const [out, from, unit] = [scales, steps, coarse].map((view) => this.#stack.at(kernel, view));
    const byFine = divideBy === 'fine';
    this.#exports.twoLevelScales(
      out!,
      from!,
      unit!,
      rows,
      vectors,
      largest,
      largestScale,
      byFine,
      coarseGiven,
    );
  }

  roundFloats(
    x: Float32Array,
    scales: Float32Array,
    layout: GroupLayout,
    { float, beyond, hasNan, to }: FloatRounding,
  ): void {
    const { rows } = shape('roundFloats', x, layout, { scales });
    const { mantissaBits, minExponent, max } = float;
    const at = this.#stack.at('roundFloats', x);
    const mode = beyond !== undefined ? FLOAT_MODES.special : hasNan ? FLOAT_MODES.nan : FLOAT_MODES.noNan;
    this.#stack.scratch(() => {
      this.#exports.roundFloats(
        at,
        this.#stack.vector(scales),
        rows,
        layout.columns,
        layout.group,
        mantissaBits,
        minExponent,
        max,
        beyond ?? max,
        mode,
        to === 'values',
      );
    });
  }

  roundToGrid(x: Float32Array, scales: Float32Array, layout: GroupLayout, rounding: GridRounding): void {
    const { rows } = shape('roundToGrid', x, layout, { scales });
    roundToGrid(this.#stack, this.#exports, x, scales, rows, layout, rounding);
  }

  roundInsideToGrid(x: Float32Array, grid: Grid, low: number, high: number): void {
    roundInsideToGrid(this.#stack, this.#exports, x, grid, low, high);
  }

  roundFlushedFloats(
    x: Float32Array,
    scales: Float32Array,
    layout: GroupLayout,
    rounding: FlushedFloatRounding,
  ): void {
    const { rows } = shape('roundFlushedFloats', x, layout, { scales });
    const { mantissa, flush, smallest, largest, to } = rounding;
    if (!(mantissa >= 0 && mantissa <= 22 && flush > 0))
      throw new Error(`roundFlushedFloats: mantissa ${mantissa}, flush ${flush}`);
    const at = this.#stack.at('roundFlushedFloats', x);
    this.#stack.scratch(() => {
      const scalesAt = this.#stack.vector(scales);
      const { columns, group } = layout;
      const values = to === 'values';
      this.#exports.roundFlushedFloats(
        at,
        scalesAt,
        rows,
        columns,
        group,
        mantissa,
        flush,
        smallest,
        largest,
        values,
      );
    });
  }

  sort(x: Float32Array): void {
    const at = this.#stack.at('sort', x);
    this.#stack.scratch(() => {
      const counts = this.#stack.take(4096);
      this.#exports.sortFloats(at, this.#stack.take(x.length * 4), counts, x.length);
    });
  }

  prefixSums(x: Float32Array): Float64Array {
    const from = this.#stack.at('prefixSums', x);
    const at = this.#stack.take((x.length + 1) * 8);
    this.#exports.prefixSums(at, from, x.length);
    return new Float64Array(this.#stack.memory.buffer, at, x.length + 1);
  }

  squaredDeviations(x: Float32Array, mean: number): number {
    return this.#exports.squaredDeviations(this.#stack.at('squaredDeviations', x), x.length, mean);
  }
}

/** Modes of the module's roundFloats. */
const FLOAT_MODES = { nan: 0, noNan: 1, special: 2 };

/** Rows and groups of a row; checks that each of `perGroup` has a value for every group. */
function shape(
  kernel: string,
  x: Float32Array,
  { columns, group }: GroupLayout,
  perGroup: Record<string, { length: number }>,
): { rows: number; groups: number } {
  natural(kernel, 'group', group);
  if (group === 0) throw new Error(`${kernel}: a group of 0 values`);
  const rows = wholeRows(kernel, x.length, columns);
  const groups = Math.ceil(columns / group);
  for (const [name, { length }] of Object.entries(perGroup)) same(kernel, name, length, rows * groups);
  return { rows, groups };
}
