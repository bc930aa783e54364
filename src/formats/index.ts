/**
 * Number formats: how values are written in bits. One file a format, with its specification, a slow oracle and the
 * fast path that agrees with it bit for bit. May import from kernels/, tensor/ and errors.ts.
 */
import { InputError, type Place, suggest } from '../errors.ts';
import { bfloat16 } from './bfloat16.ts';
import { float16 } from './float16.ts';
import { float32 } from './float32.ts';
import type { FloatFormat } from './format.ts';
import { integerFormat } from './integer.ts';
import { plainFormat } from './plain.ts';
import { readSettings } from './settings.ts';
import type { FormatDefinition, Granularity, TensorFormat } from './tensor-format.ts';
import { tf32 } from './tf32.ts';

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
export type { SettingSpec, SettingSpecs, Settings } from './settings.ts';
export {
  type Codes,
  type Fit,
  type FormatDefinition,
  type Granularity,
  groupCount,
  layoutOf,
  type Packed,
  type TensorFormat,
} from './tensor-format.ts';

/** An entry of the registry; `float` where values are rounded as they are, without a scale. */
export type RegisteredFormat = FormatDefinition & { readonly float?: FloatFormat };

const DEFINITIONS: readonly RegisteredFormat[] = [
  plainFormat(bfloat16),
  plainFormat(float16),
  plainFormat(float32),
  ...Array.from({ length: 15 }, (_, i) => integerFormat(i + 2)),
  plainFormat(tf32),
];

/** Every format by name. */
export const FORMATS: Readonly<Record<string, RegisteredFormat>> = Object.fromEntries(
  DEFINITIONS.map((definition) => [definition.name, definition]),
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
  const { name, granularities } = definition;
  const words = granularities.flatMap((kind) =>
    kind === 'row' ? ['channel', 'token'] : kind === 'group' ? ['group:N'] : [kind],
  );
  const fail = (expected: string, note?: string) =>
    new InputError(`${name}: expected ${expected}, found ${JSON.stringify(text)}`, {
      place,
      ...(note && { note }),
    });
  if (granularities.length === 0)
    throw fail('no granularity', `${name} values carry their own exponent and take no scale`);
  if (text === 'tensor' && granularities.includes('tensor')) return 'tensor';
  if ((text === 'channel' || text === 'token') && granularities.includes('row')) return 'row';
  const size = /^group:(\d{1,9})$/.exec(text)?.[1];
  if (size !== undefined && granularities.includes('group')) {
    if (Number(size) >= 1) return { group: Number(size) };
    throw fail('a group of at least 1 value');
  }
  throw fail(`a granularity among ${words.join(', ')}`, suggest(text, words));
}
