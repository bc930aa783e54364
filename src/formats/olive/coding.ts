import type { PairCoding } from '../../kernels/pair-kernels.ts';
import {
  type Abfloat,
  decodeMagnitude,
  E2M1_WITH_FLINT4,
  E2M1_WITH_INT4,
  E2M5_WITH_INT8,
  E4M3_WITH_INT8,
} from './abfloat.ts';
import { elementOf } from './exponent-integer.ts';
import { FLINT4, INT4, INT8, largestOf, type NormalType } from './normal.ts';

export const VARIANTS = ['paper', 'paper-nearest', 'reference-code'] as const;
export type Variant = (typeof VARIANTS)[number];

export type PairType = 'int4' | 'flint4' | 'int8';

/**
 * How pairs of a type are coded: what the oracle needs, and as PairCoding what the kernels do.
 *
 * paper           a value is an outlier where, as an integer, it rounds beyond the largest normal value: from largest + 1/2
 *                 on (7.5, 16.5, 127.5). The paper compares with the threshold that the scale maps to the largest normal
 *                 value and leaves open which side rounding takes; Fig. 1 codes 7.1 as 7. Of two outliers the larger stays.
 * paper-nearest   the same, but a value is an outlier where an outlier is not farther: from 9.5, 20, 135.5 on
 * reference-code  as the public code: nearest entry of one grid of normal values and outliers, the later one of two as
 *                 near; the left one of two outliers stays; E2M5 at 8 bits. Outliers from 9.5, 20, 129.5 on
 */
export interface OliveCoding extends PairCoding {
  readonly type: NormalType;
  readonly abfloat: Abfloat;
}

const TYPES: Readonly<Record<PairType, { type: NormalType; abfloat: Abfloat }>> = {
  int4: { type: INT4, abfloat: E2M1_WITH_INT4 },
  flint4: { type: FLINT4, abfloat: E2M1_WITH_FLINT4 },
  int8: { type: INT8, abfloat: E4M3_WITH_INT8 },
};

export function oliveCoding(name: PairType, variant: Variant): OliveCoding {
  const { type } = TYPES[name];
  const abfloat = name === 'int8' && variant === 'reference-code' ? E2M5_WITH_INT8 : TYPES[name].abfloat;
  const largest = largestOf(type);
  const lowest = elementOf(decodeMagnitude(abfloat, 1));
  return {
    type,
    abfloat,
    normal: type.name,
    variant: variant === 'reference-code' ? variant : 'paper',
    cut: variant === 'paper' ? largest + 0.5 : (largest + lowest) / 2,
    largest,
    mantissaBits: abfloat.mantissaBits,
    lowest,
    highest: elementOf(decodeMagnitude(abfloat, abfloat.largestCode)),
  };
}
