import type { Arithmetic, Encoding } from '../datapath/plan.ts';
import { createFormat, FORMATS, type Settings } from '../formats/index.ts';
import { createKernels, type Kernels } from '../kernels/index.ts';
import { philox, uniform } from '../tensor/index.ts';

/** An operand in memory: bits an element, and bits that a row along the reduction axis takes besides. */
export interface StoredOperand {
  format: string;
  settings: Settings;
  perElement: number;
  /** Scales a token or an output channel. */
  perRow: number;
}

/** What a site's operands are. */
export interface SiteOperands {
  weights: StoredOperand;
  activations: StoredOperand;
  /** The output goes on in the format of the activations. */
  requantize: boolean;
}

/** `int8 × int8`. */
export function operandNames({ weights, activations }: SiteOperands): string {
  return `${weights.format} × ${activations.format}`;
}

/** Bits an element of rows of `length` elements. */
export function bitsAt({ perElement, perRow }: StoredOperand, length: number): number {
  return perElement + perRow / length;
}

export async function operandsOf(arithmetic: Arithmetic): Promise<SiteOperands> {
  if (arithmetic.kind === 'float') {
    const [weights, activations] = [plain(arithmetic.weights), plain(arithmetic.activations)];
    return { weights, activations, requantize: true };
  }
  const encoding = (operand: Encoding | { format: string; granularity: string }): Encoding => ({
    settings: {},
    ...operand,
  });
  const [weights, activations] = await Promise.all([
    storedBits(encoding(arithmetic.weights)),
    storedBits(encoding(arithmetic.activations)),
  ]);
  return { weights, activations, requantize: arithmetic.requantize };
}

function plain(format: string): StoredOperand {
  return { format, settings: {}, perElement: FORMATS[format]!.float!.bits, perRow: 0 };
}

const measured = new Map<string, Promise<StoredOperand>>();
let kernels: Promise<Kernels> | undefined;

/** Measured on the format's own packing, so that it holds for every format; once an encoding. */
function storedBits({ format, settings, granularity }: Encoding): Promise<StoredOperand> {
  if (FORMATS[format]?.float) return Promise.resolve(plain(format));
  const key = JSON.stringify([format, settings, granularity]);
  const known = measured.get(key) ?? measure({ format, settings, granularity });
  measured.set(key, known);
  return known;
}

const ROWS = 4;

async function measure({ format: name, settings, granularity }: Encoding): Promise<StoredOperand> {
  kernels ??= createKernels();
  const memory = await kernels;
  const format = createFormat(name, settings, granularity);
  const packedBits = (columns: number) => {
    const mark = memory.mark();
    const x = memory.load(sample(ROWS * columns));
    const fit = format.fit(memory, x, columns);
    const { bits } = format.pack(format.encode(x, columns, fit), columns, fit);
    memory.release(mark);
    return bits;
  };
  const operand = { format: name, settings };
  if (typeof format.granularity === 'object') {
    // Two groups a row: a format may have scales of scales.
    const columns = 2 * format.granularity.group;
    return { ...operand, perElement: packedBits(columns) / (ROWS * columns), perRow: 0 };
  }
  const [short, long] = [packedBits(256), packedBits(512)];
  const perElement = (long - short) / (ROWS * 256);
  // A scale of the whole tensor is no share worth counting.
  const perRow = format.granularity === 'row' ? short / ROWS - 256 * perElement : 0;
  return { ...operand, perElement, perRow };
}

/** Normally distributed, always the same: formats that keep outliers apart need some. */
function sample(length: number): Float32Array {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const [a, b, c, d] = philox([0, 0], [i, 0, 0, 0]);
    values[i] = Math.sqrt(-2 * Math.log(1 - uniform(a, b))) * Math.cos(2 * Math.PI * uniform(c, d));
  }
  return values;
}
