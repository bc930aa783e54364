/**
 * Number formats: how values are written in bits. One file a format, with its specification, a slow oracle and the
 * fast path that agrees with it bit for bit. May import from kernels/, tensor/ and errors.ts.
 */
import { InputError, type Place, suggest } from '../errors.ts';
import { adaptivfloat } from './adaptivfloat.ts';
import { anda } from './anda.ts';
import { ant, flint4, pot4 } from './ant.ts';
import { bfloat16 } from './bfloat16.ts';
import { figna } from './figna.ts';
import { float4E2m1 } from './float4-e2m1.ts';
import { float6E2m3 } from './float6-e2m3.ts';
import { float6E3m2 } from './float6-e3m2.ts';
import { float8E4m3 } from './float8-e4m3.ts';
import { float8E5m2 } from './float8-e5m2.ts';
import { float16 } from './float16.ts';
import { float32 } from './float32.ts';
import type { FloatFormat } from './format.ts';
import { gobo } from './gobo.ts';
import { integerFormat } from './integer.ts';
import { msfp } from './msfp.ts';
import { mxfp4 } from './mxfp4.ts';
import { mxfp6 } from './mxfp6.ts';
import { mxfp8 } from './mxfp8.ts';
import { mxint8 } from './mxint8.ts';
import { nf4 } from './nf4.ts';
import { nvfp4 } from './nvfp4.ts';
import { olaccel } from './olaccel.ts';
import { olive4, oliveFlint4, oliveInt4, oliveInt8 } from './olive/index.ts';
import { plainFormat } from './plain.ts';
import { type Mismatch, readSettings } from './settings.ts';
import type { FormatDefinition, Granularity, TensorFormat } from './tensor-format.ts';
import { tf32 } from './tf32.ts';
import { vsQuant } from './vs-quant.ts';

export { fakeQuantize } from './fake-quantize.ts';
export type { FloatFormat, Format } from './format.ts';
export {
  granularityName,
  MAXIMUM_VALUES,
  matrixShape,
  type Quantized,
  type QuantizedNumbers,
  type QuantizeReport,
  quantize,
  quantizeNumbers,
} from './quantize.ts';
export {
  type Mismatch,
  readSetting,
  type SettingSpec,
  type Settings,
  withDefaults,
} from './settings.ts';
export {
  type Codes,
  type Fit,
  type FormatDefinition,
  type Granularity,
  layoutOf,
  type Packed,
  type TensorFormat,
} from './tensor-format.ts';

/** An entry of the registry; `float` where values are rounded as they are, without a scale. */
export type RegisteredFormat = FormatDefinition & { readonly float?: FloatFormat };

const DEFINITIONS: readonly RegisteredFormat[] = [
  anda,
  plainFormat(bfloat16),
  figna,
  adaptivfloat,
  ant,
  flint4,
  plainFormat(float16),
  plainFormat(float32),
  gobo,
  ...Array.from({ length: 15 }, (_, i) => integerFormat(i + 2)),
  msfp,
  float4E2m1,
  float6E2m3,
  float6E3m2,
  float8E4m3,
  float8E5m2,
  mxfp4,
  mxfp6,
  mxfp8,
  mxint8,
  nvfp4,
  oliveFlint4,
  oliveInt4,
  oliveInt8,
  olive4,
  nf4,
  olaccel,
  pot4,
  plainFormat(tf32),
  vsQuant,
];

const { compare } = new Intl.Collator('en', { numeric: true });

/** Every format by name, in alphabetical order, int16 after int2. */
export const FORMATS: Readonly<Record<string, RegisteredFormat>> = Object.fromEntries(
  [...DEFINITIONS].sort((a, b) => compare(a.name, b.name)).map((definition) => [definition.name, definition]),
);

/** @throws InputError for a name that no format has, with the nearest one. */
export function findFormat(name: string): RegisteredFormat {
  if (!Object.hasOwn(FORMATS, name)) {
    throw new InputError(`unknown format "${name}"`, { note: suggest(name, Object.keys(FORMATS)) });
  }
  return FORMATS[name]!;
}

/**
 * A format with its settings.
 *
 * @param settings by name, numbers or text; those left out have their defaults
 * @param granularity `tensor`, `channel` or `token` (both: a row), `group:N`; the format's own where undefined
 * @throws InputError
 */
export function createFormat(
  name: string,
  settings: Readonly<Record<string, unknown>> = {},
  granularity?: string,
  place: Place = {},
): TensorFormat {
  const definition = findFormat(name);
  const chosen = readSettings(name, definition.settings, settings, place);
  return definition.create(chosen, readGranularity(definition, granularity, place));
}

/** @throws InputError for a granularity that the format does not have */
export function readGranularity(
  definition: FormatDefinition,
  text: string | undefined,
  place: Place = {},
): Granularity {
  if (text === undefined) return definition.defaultGranularity;
  const found = parseGranularity(definition, text);
  if (typeof found === 'string' || 'group' in found) return found;
  const message = `${definition.name}: expected ${found.expected}, found ${JSON.stringify(text)}`;
  throw new InputError(message, { place, ...(found.note !== undefined && { note: found.note }) });
}

/** Longer than any row, and a 32-bit integer. */
const LARGEST_GROUP = 999_999_999;

/** What a granularity's name means to a format, or what is wrong with it. */
export function parseGranularity(
  { name, granularities }: FormatDefinition,
  text: string,
): Granularity | Mismatch {
  if (granularities.length === 0)
    return { expected: 'no granularity', note: `${name} values carry their own exponent and take no scale` };
  if (text === 'tensor' && granularities.includes('tensor')) return 'tensor';
  if ((text === 'channel' || text === 'token') && granularities.includes('row')) return 'row';
  const size = /^group:(\d+)$/.exec(text)?.[1];
  if (size !== undefined && granularities.includes('group')) {
    const group = Number(size);
    return group >= 1 && group <= LARGEST_GROUP
      ? { group }
      : { expected: `a group of 1 to ${LARGEST_GROUP} values` };
  }
  const words = granularities.flatMap((kind) =>
    kind === 'row' ? ['channel', 'token'] : kind === 'group' ? ['group:N'] : [kind],
  );
  return { expected: `a granularity among ${words.join(', ')}`, note: suggest(text, words) };
}
