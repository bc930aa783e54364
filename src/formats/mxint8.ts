import { roundHalfEven } from './ieee.ts';
import { Microscaling, MX, type MxElement, RULE } from './mx.ts';
import type { FormatDefinition } from './tensor-format.ts';

/*
 * MXINT8: blocks of two's complement fractions; see mx.ts.
 *
 * sign 1 | integer 1 | fraction 6: code · 2^-6, emax 0 (OCP MX v1.0, section 5.3.4)
 * max         127 · 2^-6 = 1.984375. The lowest code, -2.0, is read and never produced, as the section allows; so does
 *             microxcaling
 * rounding    ties to even (microxcaling has that as a choice, beside its default, away from zero)
 * here        an element is the integer, -127 .. 127, and a block's scale X · 2^-6, so that products of integers are exact
 */
const LARGEST = 127;
const UNIT = -6;

const int8Element: MxElement = {
  bits: 8,
  mantissaBits: 6,
  emax: 0,
  max: LARGEST * 2 ** UNIT,
  unit: UNIT,
  largestInteger: LARGEST,
  round(kernels, x, scales, layout, to) {
    kernels.formats.roundIntegers(x, scales, layout, { low: -LARGEST, high: LARGEST, to });
  },
  encode(quotient) {
    const integer = Math.min(Math.max(roundHalfEven(quotient), -LARGEST), LARGEST);
    return integer < 0 ? integer + 256 : integer;
  },
  decode: (code) => (code < 128 ? code : code - 256),
};

export const mxint8: FormatDefinition = {
  name: 'mxint8',
  summary: 'OCP Microscaling: blocks of 32 fractions of 8 bits (multiples of 1/64) under a power of two',
  source: MX.source,
  table: { bits: '8', range: '±127/64', specials: 'none; saturates', scale: MX.scale },
  settings: { rule: RULE },
  granularities: MX.granularities,
  defaultGranularity: MX.defaultGranularity,
  create: (settings, granularity) => new Microscaling('mxint8', int8Element, settings, granularity),
};
