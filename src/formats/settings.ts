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
 * Settings of a format, defaults filled in.
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
    const read = readSetting(spec, value);
    if (!('value' in read)) {
      const message = `${format}: expected ${key} to be ${read.expected}, found ${JSON.stringify(value)}`;
      throw new InputError(message, { place, ...(read.note !== undefined && { note: read.note }) });
    }
    settings[key] = read.value;
  }
  return withDefaults(specs, settings);
}

/** Settings completed by the defaults. */
export function withDefaults(specs: SettingSpecs, settings: Settings): Settings {
  const complete = { ...settings };
  for (const [key, spec] of Object.entries(specs)) {
    if (complete[key] === undefined && spec.default !== undefined) complete[key] = spec.default;
  }
  return complete;
}

/** What a value should have been, and what to do. */
export interface Mismatch {
  expected: string;
  note?: string;
}

/** The value of a setting, or what is wrong with it. Numbers may come as text, as the command line has them. */
export function readSetting(spec: SettingSpec, value: unknown): { value: number | string } | Mismatch {
  if (spec.kind === 'choice') {
    if (typeof value === 'string' && spec.values.includes(value)) return { value };
    const note = typeof value === 'string' ? { note: suggest(value, spec.values) } : {};
    return { expected: `one of ${spec.values.join(', ')}`, ...note };
  }
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  const fits =
    typeof number === 'number' &&
    number >= spec.min &&
    number <= spec.max &&
    (spec.kind === 'number' || Number.isInteger(number));
  if (fits) return { value: number };
  const kind = spec.kind === 'integer' ? 'a whole number' : 'a number';
  return { expected: `${kind} from ${spec.min} to ${spec.max}` };
}
