import type { Kernels } from '../kernels/index.ts';
import type { FloatFormat } from './format.ts';

/**
 * What a binary format in the style of IEEE 754 is made of. From the top bit down: sign, exponent, mantissa. Exponent
 * field 0 holds zeros and subnormals; the field of all ones holds infinity (mantissa 0) and NaN (mantissa not 0).
 */
export interface IeeeFields {
  exponentBits: number;
  /** Stored bits, hidden bit not counted. */
  mantissaBits: number;
}

/**
 * A format from its fields. Rounding is to nearest, ties to even; subnormals are kept; what is beyond `max` by half a
 * step or more becomes infinity. NaN policy: every NaN decodes to NaN, and NaN encodes to the positive quiet NaN with
 * an empty payload, so sign and payload of a NaN are lost.
 */
export function ieeeFormat(
  spec: IeeeFields & {
    name: string;
    summary: string;
    source: string;
    round(kernels: Kernels, values: Float32Array): void;
  },
): FloatFormat {
  const { exponentBits, mantissaBits } = spec;
  return {
    ...spec,
    bits: 1 + exponentBits + mantissaBits,
    max: decodeIeee(spec, infinityCode(spec) - 1),
    encode: (value) => encodeIeee(spec, value),
    decode: (code) => decodeIeee(spec, code),
  };
}

/** Exponent of the smallest normal value, which is also that of every subnormal: 1 - bias. */
function lowestExponent(fields: IeeeFields): number {
  const bias = 2 ** (fields.exponentBits - 1) - 1;
  return 1 - bias;
}

/** Code of +infinity: exponent field all ones, mantissa 0. The code below it is the largest finite value. */
function infinityCode(fields: IeeeFields): number {
  return (2 ** fields.exponentBits - 1) * 2 ** fields.mantissaBits;
}

/** Slow oracle in float64, which holds every value, step and ratio used here exactly. */
function encodeIeee(fields: IeeeFields, value: number): number {
  const { exponentBits, mantissaBits } = fields;
  const infinity = infinityCode(fields);
  if (Number.isNaN(value)) return infinity + 2 ** (mantissaBits - 1);

  const negative = value < 0 || Object.is(value, -0);
  const sign = negative ? 2 ** (exponentBits + mantissaBits) : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return sign + infinity;

  const lowest = lowestExponent(fields);
  let exponent = lowest;
  let power = 2 ** lowest;
  while (magnitude >= power * 2) {
    power *= 2;
    exponent++;
  }

  // Between two powers of two the values are evenly spaced, and codes count them. Hence a value that rounds up to the
  // next power of two, or past the largest value to infinity, gets the right code by simply carrying over.
  const step = power / 2 ** mantissaBits;
  const steps = roundHalfEven(magnitude / step);
  const code = (exponent - lowest) * 2 ** mantissaBits + steps;
  return sign + Math.min(code, infinity);
}

function decodeIeee(fields: IeeeFields, code: number): number {
  const { exponentBits, mantissaBits } = fields;
  const mantissa = code % 2 ** mantissaBits;
  const exponent = Math.floor(code / 2 ** mantissaBits) % 2 ** exponentBits;
  const sign = code >= 2 ** (exponentBits + mantissaBits) ? -1 : 1;

  if (exponent === 2 ** exponentBits - 1)
    return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  const fraction = mantissa / 2 ** mantissaBits;
  const lowest = lowestExponent(fields);
  if (exponent === 0) return sign * fraction * 2 ** lowest;
  return sign * (1 + fraction) * 2 ** (lowest + exponent - 1);
}

/** The nearest integer; of two as near, the even one. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest < 0.5) return below;
  if (rest > 0.5) return below + 1;
  return below % 2 === 0 ? below : below + 1;
}
