import { InputError, type Place, suggest } from '../errors.ts';

/** A setting of a format: what a machine file or `--set` may say. */
export type SettingSpec = { readonly description: string } & (
  | {
      readonly kind: 'integer' | 'number';
      readonly min: number;
      readonly max: number;
      readonly default?: number;
    }
  | { readonly kind: 'choice'; readonly values: readonly string[]; readonly default?: string }
);

export type SettingSpecs = Readonly<Record<string, SettingSpec>>;
/** Chosen settings: defaults filled in; one without a default may be absent. */
export type Settings = Readonly<Record<string, number | string>>;

/** A scale from outside instead of one from the data. */
export const SCALE = {
  kind: 'number',
  min: 2 ** -126,
  max: 2 ** 127,
  description: 'one scale for everything, instead of one from the data',
} as const satisfies SettingSpec;

/**
 * Settings of a format, defaults filled in. Numbers may come as text, as the command line has them.
 * @throws InputError for an unknown key, a wrong kind or a number out of range
 */
export function readSettings(
  format: string,
  specs: SettingSpecs,
  given: Readonly<Record<string, unknown>>,
  place: Place = {},
): Settings {
  const settings: Record<string, number | string> = {};
  for (const [key, value] of Object.entries(given)) {
    const spec = Object.hasOwn(specs, key) ? specs[key]! : undefined;
    if (!spec) {
      const known = Object.keys(specs);
      const note = known.length > 0 ? suggest(key, known) : `${format} has no settings`;
      throw new InputError(`unknown setting "${key}" of ${format}`, { place, note });
    }
    settings[key] = readSetting(format, key, spec, value, place);
  }
  for (const [key, spec] of Object.entries(specs)) {
    if (settings[key] === undefined && spec.default !== undefined) settings[key] = spec.default;
  }
  return settings;
}

function readSetting(format: string, key: string, spec: SettingSpec, value: unknown, place: Place) {
  const fail = (expected: string, note?: string) =>
    new InputError(`${format}: expected ${key} to be ${expected}, found ${JSON.stringify(value)}`, {
      place,
      ...(note && { note }),
    });
  if (spec.kind === 'choice') {
    if (typeof value === 'string' && spec.values.includes(value)) return value;
    throw fail(
      `one of ${spec.values.join(', ')}`,
      typeof value === 'string' ? suggest(value, spec.values) : undefined,
    );
  }
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  const fits =
    typeof number === 'number' &&
    number >= spec.min &&
    number <= spec.max &&
    (spec.kind === 'number' || Number.isInteger(number));
  if (fits) return number;
  throw fail(`${spec.kind === 'integer' ? 'a whole number' : 'a number'} from ${spec.min} to ${spec.max}`);
}
