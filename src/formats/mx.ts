import type { GroupLayout, PowerOfTwoRule, RoundTo } from '../kernels/format-kernels.ts';
import type { Kernels } from '../kernels/index.ts';
import { codesOf, elementsOf, packBits, unpackBits } from './bits.ts';
import type { SettingSpec, Settings } from './settings.ts';
import { decodeSmallFloat, encodeSmallFloat, type SmallFloat } from './small-float.ts';
import {
  type Codes,
  type Fit,
  type Granularity,
  groupCount,
  groupOf,
  layoutOf,
  type Packed,
  type TensorFormat,
} from './tensor-format.ts';

/*
 * The Microscaling (MX) formats: blocks of small elements under a power of two.
 *
 * block       32 values along a row (OCP MX v1.0, Table 1; another size is a granularity `group:N`); the last block of
 *             a row may be shorter
 * scale       X = 2^e in E8M0 (section 5.4.1): 8 bits, bias 127, e = -127 .. 127; no zero, no infinity; code 255 is NaN
 * rules       with the largest power of two of the element, 2^emax, and its largest value, max:
 *   floor     e = floor(log2 max|x|) - emax. Section 6.3; the default. What lies above max · X saturates
 *   ceil      e = ceil(log2(max|x| / max)), exactly: nothing saturates. Mishra et al., arXiv:2506.08027; cuBLAS, and
 *             torchao's RCEIL, but for its rounded quotient (its CEIL, e = ceil(log2 max|x|) - emax, is none of these)
 *   even      floor's, after max|x| was rounded to the element's mantissa bits: to nearest, where a tie that could reach
 *             the next power of two is above an odd neighbour and goes up. torchao's EVEN, AMD Quark
 * range       e is clamped to -127 .. 127. Above, that can only happen to `ceil` and `even` of MXINT8, which then saturate
 *             (microxcaling and torchao give NaN for what is beyond). Below, elements become subnormal or 0. A scale of
 *             2^-127 is a float32 subnormal: quotients by it are exact, and carried values (element · X) round to float32's
 *             subnormals. max|x| may be subnormal too and is taken as it is, not flushed. What `ceil` or `even` round up to
 *             2^128 is infinity as a carried float32
 * zeros       a block of zeros has the smallest scale, code 0, as in microxcaling and torchao
 * elements    x / X, exact but for underflow, to nearest, ties to even; saturates (section 6.3); -0 stays in floats
 * NaN         a block with NaN or infinity has the scale NaN, so that each of its values is NaN
 * storage     codes packed from the low bit on, then a byte of E8M0 a block
 */

export type ScaleRule = 'floor' | 'ceil' | 'even';

/** What a block holds. Elements are multiples of 2^unit: 1 for floats, the lowest bit of MXINT8. */
export interface MxElement {
  readonly bits: number;
  readonly mantissaBits: number;
  /** Exponent of the largest value, in units of X. */
  readonly emax: number;
  /** Largest value, in units of X. */
  readonly max: number;
  /** Elements that kernels see are values · 2^-unit. */
  readonly unit: number;
  readonly largestInteger?: number;
  round(kernels: Kernels, x: Float32Array, scales: Float32Array, layout: GroupLayout, to: RoundTo): void;
  /** Oracle: code of value / scale. */
  encode(quotient: number): number;
  decode(code: number): number;
}

/** A float as an element. */
export function floatElement(float: SmallFloat): MxElement {
  return {
    bits: float.bits,
    mantissaBits: float.mantissaBits,
    emax: float.maxExponent,
    max: float.max,
    unit: 0,
    round(kernels, x, scales, layout, to) {
      kernels.formats.roundFloats(x, scales, layout, { float, hasNan: float.specials !== 'none', to });
    },
    encode: (quotient) => encodeSmallFloat(float, quotient),
    decode: (code) => decodeSmallFloat(float, code),
  };
}

/** A rule as the kernel takes it: what is added to the bits of max|x| before its exponent is read. */
export function scaleRule(rule: ScaleRule, { mantissaBits, emax, max, unit }: MxElement): PowerOfTwoRule {
  // Half of the mantissa's last kept bit; what makes every mantissa above that of `max` carry.
  const even = 2 ** (22 - mantissaBits);
  const ceil = 2 ** 23 - 1 - (max / 2 ** emax - 1) * 2 ** 23;
  return { carry: { floor: 0, even, ceil }[rule], emax, unit };
}

const E8M0_BIAS = 127;
const E8M0_NAN = 255;

export class Microscaling implements TensorFormat {
  readonly granule = 1;
  readonly name: string;
  readonly settings: Settings;
  readonly granularity: Granularity;
  readonly largestInteger: number | undefined;
  readonly #element: MxElement;

  constructor(name: string, element: MxElement, settings: Settings, granularity: Granularity) {
    this.name = name;
    this.settings = settings;
    this.granularity = granularity;
    this.largestInteger = element.largestInteger;
    this.#element = element;
  }

  fit(kernels: Kernels, x: Float32Array, columns: number): Fit {
    const mark = kernels.mark();
    const scales = kernels.floats(groupCount(this.granularity, x.length, columns));
    const rule = scaleRule(this.settings.rule as ScaleRule, this.#element);
    kernels.formats.powerOfTwoScales(scales, x, layoutOf(this.granularity, x.length, columns), rule);
    const fit = { scales: new Float32Array(scales) };
    kernels.release(mark);
    return fit;
  }

  round(kernels: Kernels, x: Float32Array, columns: number, { scales }: Fit, to: RoundTo): void {
    this.#element.round(kernels, x, scales, layoutOf(this.granularity, x.length, columns), to);
  }

  encode(x: Float32Array, columns: number, { scales }: Fit): Codes {
    return codesOf(x, (value, i) =>
      this.#element.encode(Math.fround(value / scales[groupOf(this.granularity, i, columns)]!)),
    );
  }

  decode(codes: Codes): Float32Array {
    return elementsOf(codes, (code) => this.#element.decode(code));
  }

  pack(codes: Codes, _columns: number, { scales }: Fit): Packed {
    const { bits, unit } = this.#element;
    const exponents = Uint8Array.from(scales, (scale) =>
      Number.isNaN(scale) ? E8M0_NAN : Math.round(Math.log2(scale)) - unit + E8M0_BIAS,
    );
    return {
      sections: { codes: packBits(codes, bits), scales: exponents },
      bits: codes.length * bits + scales.length * 8,
    };
  }

  unpack({ sections }: Packed, rows: number, columns: number): { codes: Codes; fit: Fit } {
    const { bits, unit } = this.#element;
    const scales = Float32Array.from(sections.scales!, (code) =>
      code === E8M0_NAN ? Number.NaN : 2 ** (code - E8M0_BIAS + unit),
    );
    return { codes: unpackBits(sections.codes!, bits, rows * columns), fit: { scales } };
  }
}

/** The setting that every MX format has. */
export const RULE = {
  kind: 'choice',
  values: ['floor', 'ceil', 'even'],
  default: 'floor',
  description: 'power of two of a block: below the largest value, above what saturates, of the rounded value',
} as const satisfies SettingSpec;

/** What all MX formats have in common in the registry. */
export const MX = {
  source: 'OCP Microscaling Formats (MX) Specification v1.0, 2023; microsoft/microxcaling',
  scale: 'E8M0, a power of two for 32 values',
  granularities: ['group'],
  defaultGranularity: { group: 32 },
} as const;
