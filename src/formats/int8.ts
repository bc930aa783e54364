import type { IntegerFormat } from './format.ts';
import { roundHalfEven } from './ieee.ts';

/** Largest code. */
const MAX = 127;

/**
 * Symmetric 8-bit integer in two's complement; value = code · scale.
 *
 * codes     -127 .. 127
 * rounding  to nearest, ties to even; beyond the ends it saturates, infinities included
 * -128      is never produced, so that a value and its negative always have opposite codes; it can be read all the
 *           same, because a bit flip can make it
 * NaN       has no code and becomes 0, as WebAssembly's saturating conversion does
 */
export const int8: IntegerFormat = {
  name: 'int8',
  bits: 8,
  kind: 'integer',
  summary: "two's complement, symmetric: codes -127 .. 127, scale from outside; saturates",
  max: MAX,
  source: 'Jacob et al., CVPR 2018 (restricted range); Xiao et al., SmoothQuant, ICML 2023',
  encode(value) {
    if (Number.isNaN(value)) return 0;
    const clamped = Math.min(Math.max(value, -MAX), MAX);
    const code = roundHalfEven(clamped);
    return code < 0 ? code + 256 : code + 0;
  },
  decode(code) {
    return code < 128 ? code : code - 256;
  },
};
