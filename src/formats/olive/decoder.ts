import { decodeMagnitude } from './abfloat.ts';
import type { OliveCoding } from './coding.ts';
import { type ExponentInteger, ZERO } from './exponent-integer.ts';
import { identifierOf } from './normal.ts';

/**
 * The decoder on the border of the array (OliVe, ISCA 2023, section 4.3): the two codes of a pair, any codes, to what
 * the PEs multiply. `right` is 0 for the value without a partner at the end of an odd row.
 *
 * identifier on one side    that side is 0, the other an outlier
 * identifier on both sides  both are victims: 0 and 0. No encoder makes it, a fault can
 * outlier of magnitude 0    0; likewise
 */
export function decodePair(
  coding: OliveCoding,
  left: number,
  right: number,
): [ExponentInteger, ExponentInteger] {
  const identifier = identifierOf(coding.type);
  if (left === identifier) return [ZERO, right === identifier ? ZERO : decodeOutlier(coding, right)];
  if (right === identifier) return [decodeOutlier(coding, left), ZERO];
  return [coding.type.decode(left), coding.type.decode(right)];
}

function decodeOutlier({ type, abfloat }: OliveCoding, code: number): ExponentInteger {
  const sign = identifierOf(type);
  const { exponent, integer } = decodeMagnitude(abfloat, code % sign);
  return { exponent, integer: code >= sign && integer > 0 ? -integer : integer };
}
