import { decodeMagnitude, encodeMagnitude } from './abfloat.ts';
import type { OliveCoding } from './coding.ts';
import { elementOf } from './exponent-integer.ts';
import { identifierOf, nearestRank } from './normal.ts';

/*
 * The encoder of outlier-victim pairs, an oracle. Quotients are x / scale in float32; NaN counts as 0. A value without
 * a partner (`undefined`: the last one of a row of odd length) has no victim beside it and is coded as a normal value,
 * saturating.
 */

/** Codes of two quotients; the second is undefined where the first has no partner. */
export function encodePair(
  coding: OliveCoding,
  left: number,
  right: number | undefined,
): [left: number, right: number | undefined] {
  if (Number.isNaN(left)) return encodePair(coding, 0, right);
  if (Number.isNaN(right)) return encodePair(coding, left, 0);
  const encode = coding.variant === 'reference-code' ? fromGrid : asPrinted;
  if (right === undefined) return [encode(coding, left, false), undefined];

  const [leftOut, rightOut] = [isOutlier(coding, left), isOutlier(coding, right)];
  if (!leftOut && !rightOut) return [encode(coding, left, false), encode(coding, right, false)];
  const leftStays =
    leftOut && (!rightOut || coding.variant === 'reference-code' || Math.abs(left) >= Math.abs(right));
  const identifier = identifierOf(coding.type);
  return leftStays ? [encode(coding, left, true), identifier] : [identifier, encode(coding, right, true)];
}

export function isOutlier(coding: OliveCoding, quotient: number): boolean {
  return Math.abs(quotient) >= coding.cut;
}

/** Normal values to nearest, outliers by the paper's algorithm. */
function asPrinted({ type, abfloat }: OliveCoding, quotient: number, outlier: boolean): number {
  const magnitude = Math.abs(quotient);
  if (!outlier) return type.encode(nearestRank(type, magnitude), quotient < 0);
  return encodeMagnitude(abfloat, magnitude) + (quotient < 0 ? identifierOf(type) : 0);
}

/** The public code's way: the nearest entry of a sorted grid, the later one of two as near. */
function fromGrid(coding: OliveCoding, quotient: number, outlier: boolean): number {
  let [best, distance] = [0, Number.POSITIVE_INFINITY];
  for (const { value, code } of outlier ? outlierGrid(coding) : normalGrid(coding)) {
    const far = Math.abs(Math.min(Math.max(quotient, -coding.highest), coding.highest) - value);
    if (far <= distance) [best, distance] = [code, far];
  }
  return best;
}

function normalGrid({ type }: OliveCoding): { value: number; code: number }[] {
  const positive = type.magnitudes.map((value, rank) => ({ value, code: type.encode(rank, false) }));
  const negative = type.magnitudes.map((value, rank) => ({ value: -value, code: type.encode(rank, true) }));
  return [...negative.slice(1).reverse(), ...positive];
}

function outlierGrid({ type, abfloat }: OliveCoding): { value: number; code: number }[] {
  const positive = Array.from({ length: abfloat.largestCode }, (_, i) => ({
    value: elementOf(decodeMagnitude(abfloat, i + 1)),
    code: i + 1,
  }));
  const negative = positive.map(({ value, code }) => ({ value: -value, code: code + identifierOf(type) }));
  return [...negative.reverse(), ...positive];
}
