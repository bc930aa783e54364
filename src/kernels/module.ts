import { readFile } from 'node:fs/promises';
import { RunError } from '../errors.ts';

/**
 * What the compiled module exports: see `assembly/`. Pointers, lengths and sizes are plain numbers (pointers and strides
 * in bytes, lengths in elements); nothing is checked there, so everything is checked here before a call.
 */
export interface KernelExports {
  heapBase(): number;

  layerNorm(
    out: number,
    x: number,
    gain: number,
    bias: number,
    rows: number,
    columns: number,
    epsilon: number,
  ): void;
  rmsNorm(out: number, x: number, gain: number, rows: number, columns: number, epsilon: number): void;
  relu(x: number, length: number): void;
  gelu(x: number, length: number): void;
  geluTanh(x: number, length: number): void;
  tanh(x: number, length: number): void;
  silu(x: number, length: number): void;
  add(x: number, y: number, length: number): void;
  multiply(x: number, y: number, length: number): void;
  addRow(x: number, bias: number, rows: number, columns: number): void;
  multiplyRow(x: number, factors: number, rows: number, columns: number): void;
  softmax(
    x: number,
    rows: number,
    columns: number,
    scale: number,
    slope: number,
    first: number,
    period: number,
    window: number,
  ): void;
  rope(
    x: number,
    cosine: number,
    sine: number,
    rows: number,
    heads: number,
    headSize: number,
    half: number,
  ): void;

  hadamard(
    x: number,
    count: number,
    matrix: number,
    small: number,
    power: number,
    scale: number,
    packed: number,
    spare: number,
  ): void;
  roundFlushedFloats(
    x: number,
    scales: number,
    rows: number,
    columns: number,
    group: number,
    mantissa: number,
    flush: number,
    smallest: number,
    largest: number,
    values: boolean,
  ): void;
  roundToSmallGrid(
    x: number,
    scales: number,
    rows: number,
    columns: number,
    group: number,
    first: number,
    steps: number,
    count: number,
    kind: number,
    values: boolean,
  ): void;
  roundToBuckets(
    x: number,
    scales: number,
    rows: number,
    columns: number,
    group: number,
    table: number,
    shift: number,
    base: number,
    last: number,
    values: boolean,
  ): void;
  roundInsideToGrid(
    x: number,
    length: number,
    first: number,
    steps: number,
    count: number,
    low: number,
    high: number,
  ): void;
  sortFloats(x: number, spare: number, counts: number, length: number): void;
  prefixSums(out: number, x: number, length: number): void;
  squaredDeviations(x: number, length: number, mean: number): number;

  splitHeads(out: number, x: number, rows: number, heads: number, size: number): void;
  mergeHeads(out: number, x: number, rows: number, heads: number, size: number): void;
  transpose(out: number, x: number, rows: number, columns: number): void;
  transposeBytes(out: number, x: number, rows: number, columns: number): void;

  roundFloat16(x: number, length: number): void;
  roundBfloat16(x: number, length: number): void;
  roundTf32(x: number, length: number): void;
  widenFloat16(out: number, from: number, length: number): void;
  widenBfloat16(out: number, from: number, length: number): void;

  absMax(x: number, length: number): number;
  rowAbsMax(out: number, x: number, rows: number, columns: number): void;
  columnAbsMax(out: number, x: number, rows: number, columns: number): void;
  findNonFinite(x: number, length: number): number;
  argMax(out: number, x: number, rows: number, columns: number): void;
  expSums(out: number, x: number, rows: number, columns: number): void;
  divergenceSums(out: number, p: number, q: number, rows: number, columns: number): void;

  groupAbsMax(out: number, x: number, rows: number, columns: number, group: number): void;
  groupScales(out: number, x: number, rows: number, columns: number, group: number, largest: number): void;
  groupRange(low: number, high: number, x: number, rows: number, columns: number, group: number): void;
  scaleGroups(x: number, scales: number, rows: number, columns: number, group: number): void;
  groupSquaredError(out: number, x: number, y: number, rows: number, columns: number, group: number): void;
  roundIntegers(
    x: number,
    scales: number,
    zeros: number,
    rows: number,
    columns: number,
    group: number,
    low: number,
    high: number,
    values: boolean,
  ): void;
  sharedScales(
    out: number,
    x: number,
    rows: number,
    columns: number,
    group: number,
    mantissa: number,
    half: boolean,
  ): void;
  alignHalves(
    x: number,
    scales: number,
    rows: number,
    columns: number,
    group: number,
    largest: number,
    negativeZero: boolean,
    values: boolean,
  ): void;
  alignFloats(
    x: number,
    scales: number,
    rows: number,
    columns: number,
    group: number,
    largest: number,
    nearest: boolean,
    values: boolean,
  ): void;
  twoLevelScales(
    scales: number,
    steps: number,
    coarse: number,
    rows: number,
    vectors: number,
    largest: number,
    largestScale: number,
    byFine: boolean,
    given: boolean,
  ): void;
  roundFloats(
    x: number,
    scales: number,
    rows: number,
    columns: number,
    group: number,
    mantissaBits: number,
    minExponent: number,
    largest: number,
    beyond: number,
    mode: number,
    values: boolean,
  ): void;
  floatScales(
    scales: number,
    factors: number,
    count: number,
    element: number,
    whole: number,
    mantissaBits: number,
    minExponent: number,
    least: number,
    largest: number,
  ): void;
  powerOfTwoScales(
    out: number,
    x: number,
    rows: number,
    columns: number,
    group: number,
    carry: number,
    emax: number,
    unit: number,
  ): void;

  cholesky(a: number, n: number, spare: number): number;
  gatherRow(out: number, x: number, order: number, count: number): void;
  unitRows(
    out: number,
    m: number,
    n: number,
    row: number,
    rows: number,
    first: number,
    columns: number,
  ): void;
  addScaledRows(x: number, rows: number, factors: number, count: number, length: number): void;
  columnAbsSums(out: number, x: number, rows: number, columns: number): void;
  rowDots(out: number, x: number, y: number, rows: number, columns: number): void;
  mirrorUpper(x: number, n: number, factor: number): void;
  clampGroups(x: number, limits: number, rows: number, columns: number, group: number): void;
  copyColumns(out: number, x: number, rows: number, columns: number, first: number, count: number): void;

  groupThreeSigma(out: number, x: number, rows: number, columns: number, group: number): void;
  roundPairs(
    x: number,
    scales: number,
    step: number,
    rows: number,
    columns: number,
    numbers: number,
    dropped: number,
    flint: boolean,
    later: boolean,
    values: boolean,
  ): void;
  pairErrors(
    errors: number,
    x: number,
    scales: number,
    count: number,
    rows: number,
    together: number,
    columns: number,
    numbers: number,
    dropped: number,
    flint: boolean,
    later: boolean,
  ): void;

  quantize(out: number, x: number, length: number, scale: number, offset: number): void;
  quantizeRows(out: number, scales: number, x: number, rows: number, columns: number, offset: number): void;
  fakeQuantize(x: number, length: number, scale: number): void;
  fakeQuantizeRows(x: number, rows: number, columns: number): void;
  dequantize(
    out: number,
    sums: number,
    rowScales: number,
    columnScales: number,
    bias: number,
    rows: number,
    columns: number,
    stride: number,
  ): void;

  packTransposed(out: number, b: number, stride: number, n: number, k: number): void;
  packRows(out: number, panel: number, b: number, stride: number, n: number, k: number): void;
  packPairRows(out: number, panel: number, b: number, stride: number, n: number, k: number): void;
  packCodes(out: number, a: number, stride: number, m: number, k: number): void;
  fewTransposed(
    c: number,
    pitch: number,
    a: number,
    stride: number,
    b: number,
    step: number,
    m: number,
    n: number,
    k: number,
  ): void;
  fewRows(
    c: number,
    pitch: number,
    a: number,
    stride: number,
    b: number,
    step: number,
    m: number,
    n: number,
    k: number,
  ): void;
  multiplyFloat32(
    c: number,
    pitch: number,
    a: number,
    stride: number,
    b: number,
    m: number,
    n: number,
    k: number,
    spare: number,
  ): void;
  multiplyInt8(
    c: number,
    pitch: number,
    a: number,
    stride: number,
    b: number,
    m: number,
    n: number,
    k: number,
    spare: number,
  ): void;
  multiplyGroups(
    c: number,
    pitch: number,
    a: number,
    stride: number,
    factors: number,
    pace: number,
    b: number,
    scales: number,
    scalesPanel: number,
    m: number,
    n: number,
    k: number,
    steps: number,
    count: number,
    sums: number,
  ): void;
  multiplyGroupsFew(
    c: number,
    pitch: number,
    a: number,
    stride: number,
    factors: number,
    pace: number,
    b: number,
    scales: number,
    scalesPanel: number,
    m: number,
    n: number,
    k: number,
    steps: number,
    count: number,
    sums: number,
  ): void;
  multiplyGroupsWide(
    c: number,
    pitch: number,
    a: number,
    stride: number,
    factors: number,
    pace: number,
    b: number,
    scales: number,
    scalesPanel: number,
    m: number,
    n: number,
    k: number,
    steps: number,
    count: number,
    sums: number,
  ): void;

  countOutliers(starts: number, x: number, rows: number, columns: number): number;
  extractOutliers(
    codes: number,
    x: number,
    rows: number,
    width: number,
    offset: number,
    columns: number,
    values: number,
  ): void;
  addLeftOutliers(
    c: number,
    pitch: number,
    starts: number,
    columns: number,
    values: number,
    b: number,
    step: number,
    m: number,
    n: number,
  ): void;
  turnIntegers(
    out: number,
    height: number,
    codes: number,
    starts: number,
    columns: number,
    values: number,
    rows: number,
    k: number,
    spare: number,
  ): void;
  addRightOutliers(
    c: number,
    pitch: number,
    turned: number,
    height: number,
    starts: number,
    columns: number,
    values: number,
    rows: number,
    n: number,
    spare: number,
  ): void;
  boundRows(
    bounds: number,
    codes: number,
    starts: number,
    columns: number,
    values: number,
    largest: number,
    m: number,
    k: number,
  ): void;
  widenRow(out: number, codes: number, columns: number, values: number, count: number, k: number): void;
  packIntegers(
    out: number,
    b: number,
    step: number,
    starts: number,
    columns: number,
    values: number,
    n: number,
    k: number,
  ): void;
  countWrapped(sums: number, wrapped: number, n: number): number;
}

const FILE = new URL('../../dist/kernels.wasm', import.meta.url);

/** Compiles the module once; worker threads get it by `workerData` or `postMessage` and need not compile again. */
export async function compileKernels(): Promise<WebAssembly.Module> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(FILE);
  } catch (cause) {
    throw new RunError(`${FILE.pathname} is missing or unreadable: run "npm run build" first`, { cause });
  }
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new RunError(
      `${FILE.pathname} does not compile: run "npm run build" again; the kernels need relaxed SIMD (Node 24)`,
      { cause },
    );
  }
}
