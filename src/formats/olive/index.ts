/** OliVe's outlier-victim pairs (ISCA 2023): a file a concept; what the registry lists. */
import { SCALE } from '../settings.ts';
import type { FormatDefinition } from '../tensor-format.ts';
import { OliveAuto } from './auto.ts';
import { type PairType, VARIANTS } from './coding.ts';
import { OlivePairs } from './format.ts';

export { oliveCoding, type PairType } from './coding.ts';
export { decodePair } from './decoder.ts';
export { type ExponentInteger, elementOf } from './exponent-integer.ts';

const SHARED = {
  source: 'Guo et al., OliVe, ISCA 2023',
  settings: {
    scale: SCALE,
    search: {
      kind: 'choice',
      values: ['mse', 'three-sigma'],
      default: 'mse',
      description: 'scale of the least squared error among 88 around 3 sigma, or that of 3 sigma',
    },
    variant: {
      kind: 'choice',
      values: VARIANTS,
      default: 'paper',
      description:
        'the printed encoding; the same with outliers where they are nearer; or what the public code does',
    },
  },
  granularities: ['tensor', 'row'],
  defaultGranularity: 'row',
} as const satisfies Partial<FormatDefinition>;

const SPECIALS = 'victims are 0; saturates; NaN becomes 0';
const SCALES = 'float32, least squared error around 3 sigma';

function pairs(type: PairType, bits: number, range: string, summary: string): FormatDefinition {
  const name = `olive-${type}`;
  return {
    ...SHARED,
    name,
    summary: `outlier-victim pairs: ${summary}`,
    table: { bits: `${bits}`, range, specials: SPECIALS, scale: SCALES },
    create: (settings, granularity) => new OlivePairs(name, type, settings, granularity),
  };
}

export const oliveInt4 = pairs(
  'int4',
  4,
  '±7, outliers 12 .. 96',
  'int4, outliers in abfloat E2M1 of bias 2',
);
export const oliveFlint4 = pairs(
  'flint4',
  4,
  '±16, outliers 24 .. 192',
  'flint4, outliers in abfloat E2M1 of bias 3',
);
export const oliveInt8 = pairs(
  'int8',
  8,
  '±127, outliers 144 .. 32768',
  'int8, outliers in abfloat E4M3 of bias 4, at most 2^15',
);

export const olive4: FormatDefinition = {
  ...SHARED,
  name: 'olive4',
  summary: 'outlier-victim pairs: int4 or flint4 a tensor, by the lower squared error',
  table: { bits: '4', range: '±96 or ±192', specials: SPECIALS, scale: `${SCALES}; a bit for the type` },
  create: (settings, granularity) => new OliveAuto('olive4', settings, granularity),
};
