import { InputError, type Place } from '../../errors.ts';
import { printable } from '../../machine/mistakes.ts';
import type { Workload } from '../contract.ts';
import type { SystolicGemm } from '../systolic/index.ts';
import { linesOf, positiveWhole, readText } from './read.ts';

/** A topology file's GEMMs. A layer's name is its site. */
export interface Topology extends Workload {
  phase: 'file';
  gemms: readonly SystolicGemm[];
  /** What the file asks for and nothing here computes, in words for the report. */
  notModelled: readonly string[];
}

interface Cell {
  text: string;
  place: Place;
}

const CONVOLUTION = [
  'IFMAP height',
  'IFMAP width',
  'filter height',
  'filter width',
  'channels',
  'filters',
  'stride',
] as const;

export function loadTopology(path: string): Topology {
  return parseTopology(readText(path), path);
}

/**
 * A SCALE-Sim topology, of version 2 or 3: a header, then a layer a row; a comma at the end of a row may be there. The
 * header's second column tells GEMMs (M, N, K) from convolutions; spaces, tabs and blank lines do not matter.
 *
 *     Layer, M, N, K,[ Sparsity,]
 *     Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,[ more,]
 *
 * `more` is a stride over the width (version 2), a sparsity N:M (version 3) or a batch size of 1, and told by the header
 * and by the colon; columns with another title, empty cells and `#` comments are passed over. Sparse weights are taken as
 * dense ones and listed under `notModelled`.
 *
 * A convolution is a GEMM as SCALE-Sim maps it (topology_utils.py): M = output pixels, each side
 * ceil((ifmap - filter + stride) / stride), so that a last window may hang over the edge; K = filter height x width x
 * channels; N = filters. A name with "DP" in it is a depthwise layer: as many GEMMs of one channel as there are channels.
 * @throws InputError with line and column
 */
export function parseTopology(text: string, file: string): Topology {
  const lines = linesOf(text, file);
  const first = lines.findIndex((line) => !blank(line));
  if (first < 0)
    throw new InputError('expected a header and a layer a row, found nothing', { place: { file } });
  const header = cells(lines[first]!, first, file);
  const isGemm = /^m$/i.test(header[1]?.text ?? '');
  if (!isGemm && !/^ifmap/i.test(header[1]?.text ?? '')) {
    throw new InputError(
      `expected a header of "Layer, M, N, K" or "Layer name, IFMAP Height, …", found "${printable(lines[first]!.trim(), 60)}"`,
      { place: header[1]?.place ?? { file, line: first + 1, column: 1 } },
    );
  }
  const gemms: SystolicGemm[] = [];
  const sparse: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (index <= first || blank(line)) continue;
    const row = cells(line, index, file);
    const name = row[0]!;
    if (name.text === '')
      throw new InputError('layer name: expected one, found nothing', { place: name.place });
    const site = printable(name.text);
    const { gemm, sparsity } = isGemm ? gemmRow(site, row) : convolutionRow(site, row, header);
    gemms.push(gemm);
    if (sparsity && sparsity[0] !== sparsity[1]) sparse.push(site);
  }
  if (gemms.length === 0) {
    throw new InputError('expected a layer a row, found none', { place: { file, line: first + 1 } });
  }
  return {
    name: file,
    phase: 'file',
    batch: 1,
    sequence: 1,
    gemms,
    notModelled: sparse.length > 0 ? [`sparse weights, taken as dense (${sparse.join(', ')})`] : [],
  };
}

interface Row {
  gemm: SystolicGemm;
  sparsity: readonly [number, number] | undefined;
}

function gemmRow(site: string, row: readonly Cell[]): Row {
  const [m, n, k] = (['M', 'N', 'K'] as const).map((what, index) => whole(row, index + 1, what));
  atMost(row, 5);
  return {
    gemm: { site, m: m!, k: k!, n: n!, count: 1, weight: true },
    sparsity: row[4] && nonZeros(row[4]),
  };
}

function convolutionRow(site: string, row: readonly Cell[], header: readonly Cell[]): Row {
  const values = CONVOLUTION.map((what, index) => whole(row, index + 1, what));
  const [height, width, filterHeight, filterWidth, channels, filters, stride] = values as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  let strideAcross = stride;
  let sparsity: Row['sparsity'];
  for (const [offset, cell] of row.slice(8).entries()) {
    const title = header[offset + 8]?.text ?? '';
    if (cell.text === '' || cell.text.startsWith('#')) continue;
    if (cell.text.includes(':') || /sparsity/i.test(title)) sparsity = nonZeros(cell);
    else if (/batch/i.test(title)) requireOne(cell);
    else if (title === '' || /stride/i.test(title)) {
      strideAcross = positiveWhole(cell.text, 'stride over the width', cell.place);
    }
  }
  atMost(row, Math.max(10, header.length));
  notBeyond(row[3]!, filterHeight, height, 'height');
  notBeyond(row[4]!, filterWidth, width, 'width');

  const rows = outputs(height, filterHeight, stride);
  const columns = outputs(width, filterWidth, strideAcross);
  // SCALE-Sim looks for "DP" in the name, capital letters only.
  const depthwise = site.includes('DP');
  const depth = depthwise ? 1 : channels;
  return {
    gemm: {
      site,
      m: product(row[1]!, 'output pixels', rows, columns),
      k: product(row[3]!, 'elements of a window', filterHeight, filterWidth, depth),
      n: filters,
      count: depthwise ? channels : 1,
      weight: true,
      inputElements: product(
        row[1]!,
        'input elements',
        covered(height, filterHeight, stride, rows),
        covered(width, filterWidth, strideAcross, columns),
        depth,
      ),
    },
    sparsity,
  };
}

function outputs(size: number, filter: number, stride: number): number {
  return Math.ceil((size - filter) / stride) + 1;
}

/** How many of the inputs along a side lie in some window. */
function covered(size: number, filter: number, stride: number, windows: number): number {
  const last = (windows - 1) * stride;
  return (windows - 1) * Math.min(stride, filter) + Math.max(0, Math.min(filter, size - last));
}

/** A product of dimensions, exact or an error. */
function product(cell: Cell, what: string, ...factors: number[]): number {
  const exact = factors.reduce((total, factor) => total * BigInt(factor), 1n);
  if (exact <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(exact);
  throw new InputError(`${what}: expected at most ${Number.MAX_SAFE_INTEGER}, found ${exact}`, {
    place: cell.place,
  });
}

function notBeyond(cell: Cell, filter: number, size: number, side: string): void {
  if (filter <= size) return;
  throw new InputError(`filter ${side}: expected at most the IFMAP's ${size}, found ${filter}`, {
    place: cell.place,
  });
}

function requireOne(cell: Cell): void {
  if (positiveWhole(cell.text, 'batch size', cell.place) === 1) return;
  throw new InputError(`batch size: expected 1, found ${printable(cell.text, 40)}`, {
    place: cell.place,
    note: 'SCALE-Sim has no batches: give the layer a row for each image',
  });
}

function nonZeros(cell: Cell): readonly [number, number] {
  const [n, m, ...rest] = cell.text.split(':');
  if (n === undefined || m === undefined || rest.length > 0) {
    throw new InputError(`sparsity: expected N:M such as 2:4, found "${printable(cell.text, 40)}"`, {
      place: cell.place,
    });
  }
  const ratio = [positiveWhole(n, 'sparsity', cell.place), positiveWhole(m, 'sparsity', cell.place)] as const;
  if (ratio[0] > ratio[1]) {
    throw new InputError(`sparsity: expected N:M with N up to M, found ${ratio.join(':')}`, {
      place: cell.place,
    });
  }
  return ratio;
}

function whole(row: readonly Cell[], index: number, what: string): number {
  const cell = row[index];
  if (cell) return positiveWhole(cell.text, what, cell.place);
  const { place, text } = row.at(-1)!;
  throw new InputError(`${what}: expected a column ${index + 1}, found ${row.length} columns`, {
    place: { ...place, column: place.column! + text.length },
  });
}

function atMost(row: readonly Cell[], columns: number): void {
  const extra = row[columns];
  if (!extra) return;
  throw new InputError(`expected at most ${columns} columns, found ${row.length}`, { place: extra.place });
}

/** The cells of a row; an empty last one (after a comma at the end) is none. Tabs separate where there is no comma. */
function cells(line: string, index: number, file: string): Cell[] {
  const found: Cell[] = [];
  let start = 0;
  for (const part of line.split(line.includes(',') ? ',' : '\t')) {
    const space = part.search(/\S/);
    const place = { file, line: index + 1, column: start + Math.max(0, space) + 1 };
    found.push({ text: part.trim(), place });
    start += part.length + 1;
  }
  if (found.length > 1 && found.at(-1)!.text === '') found.pop();
  return found;
}

function blank(line: string): boolean {
  return /^[\s,]*$/.test(line);
}
