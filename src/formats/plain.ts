import type { Kernels } from '../kernels/index.ts';
import { codesOf, elementsOf, packBits, unpackBits } from './bits.ts';
import type { FloatFormat } from './format.ts';
import type { Codes, Fit, FormatDefinition, Packed, TensorFormat } from './tensor-format.ts';

const NO_FIT: Fit = { scales: new Float32Array() };

/** A float format as it is: values carry their own exponent and take no scale. */
class Plain implements TensorFormat {
  readonly settings = {};
  readonly granularity = 'tensor';
  readonly granule = 1;
  readonly takesFromWhole = 'nothing';
  readonly #format: FloatFormat;

  constructor(format: FloatFormat) {
    this.#format = format;
  }

  get name(): string {
    return this.#format.name;
  }

  get codeBits(): number {
    return this.#format.bits;
  }

  fit(): Fit {
    return NO_FIT;
  }

  round(kernels: Kernels, x: Float32Array): void {
    this.#format.round(kernels, x);
  }

  encode(x: Float32Array): Codes {
    return codesOf(x, (value) => this.#format.encode(value));
  }

  decode(codes: Codes): Float32Array {
    return elementsOf(codes, (code) => this.#format.decode(code));
  }

  pack(codes: Codes): Packed {
    const { bits } = this.#format;
    return { sections: { codes: packBits(codes, bits) }, bits: codes.length * bits };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    return { codes: unpackBits(sections.codes!, this.#format.bits, rows * columns), fit: NO_FIT };
  }
}

/** The registry's entry of a float format that takes no scale. */
export function plainFormat(float: FloatFormat): FormatDefinition & { readonly float: FloatFormat } {
  const { name, summary, source, bits, max } = float;
  return {
    name,
    summary,
    source,
    table: {
      bits: String(bits),
      range: `±${Number(max.toPrecision(8))}`,
      specials: '±infinity, NaN, subnormals',
      scale: 'none',
    },
    settings: {},
    granularities: [],
    defaultGranularity: 'tensor',
    create: () => new Plain(float),
    float,
  };
}
