import type { Encoding } from '../datapath/plan.ts';
import { formatOf } from '../datapath/product.ts';
import { InputError, suggest } from '../errors.ts';
import { FORMATS, parseGranularity, readSetting, type Settings, withDefaults } from '../formats/index.ts';
import { type KeyPath, shown } from './mistakes.ts';
import type { Conflict } from './resolve.ts';

/** An encoding as a machine file has it: the keys that every format has, and the format's settings. */
export interface FileEncoding {
  format: string;
  granularity?: string | undefined;
  scale?: string | number | undefined;
  algorithm?: string | undefined;
  [setting: string]: string | number | undefined;
}

/** What a site says of an encoding; what it does not say holds from the general one. */
export type PartialEncoding = { [Key in keyof FileEncoding]?: FileEncoding[Key] | undefined };

const KEYS = ['format', 'granularity', 'scale', 'algorithm'];

/** An encoding that names a format stands alone; one that does not changes a part of the general one. */
export function overlay(general: FileEncoding, special: PartialEncoding | undefined): FileEncoding {
  if (special?.format !== undefined) return { ...special, format: special.format };
  return { ...general, ...special, format: general.format };
}

/** Whether values are rounded as they are, without a scale. */
export function isPlain({ format }: { format: string }): boolean {
  return FORMATS[format]?.float !== undefined;
}

/** The encoding with its settings complete; to be used only where `encodingConflicts` finds nothing. */
export function encodingOf(encoding: FileEncoding): Encoding {
  const { format, granularity } = encoding;
  const { settings: specs } = FORMATS[format]!;
  const given: Record<string, number | string> = {};
  for (const [key, value] of settingsOf(encoding)) {
    const spec = specs[key];
    const read = spec && readSetting(spec, value);
    if (read && 'value' in read) given[key] = read.value;
  }
  return { format, settings: withDefaults(specs, given) as Settings, granularity };
}

/** Settings that stand in the file; a fixed scale is one of them. */
function settingsOf(encoding: FileEncoding): [string, string | number][] {
  const settings = Object.entries(encoding).filter(([key]) => !KEYS.includes(key));
  if (typeof encoding.scale === 'number') settings.push(['scale', encoding.scale]);
  return settings.filter((entry): entry is [string, string | number] => entry[1] !== undefined);
}

/** What contradicts itself within one encoding. */
export function* encodingConflicts(encoding: FileEncoding, path: KeyPath): Generator<Conflict> {
  const found = [...keyConflicts(encoding, path)];
  yield* found;
  if (found.length > 0) return;
  try {
    formatOf(encodingOf(encoding));
  } catch (error) {
    // Settings that are good one by one, and not together.
    if (!(error instanceof InputError)) throw error;
    const { message, note } = error;
    yield { path: [...path, 'format'], message, ...(note && { note }) };
  }
}

function* keyConflicts(encoding: FileEncoding, path: KeyPath): Generator<Conflict> {
  const { format, granularity, scale } = encoding;
  const definition = FORMATS[format]!;
  for (const [key, value] of settingsOf(encoding)) {
    const spec = definition.settings[key];
    const read = spec && readSetting(spec, value);
    if (read && 'value' in read) continue;
    const known = Object.keys(definition.settings);
    const note = known.length > 0 ? suggest(key, known) : `${format} has no settings: remove the key`;
    yield read
      ? {
          path: [...path, key],
          expected: read.expected,
          found: shown(value),
          ...(read.note && { note: read.note }),
        }
      : { path: [...path, key], expected: `no ${key} with ${format}`, found: shown(value), note };
  }
  if (isPlain(encoding)) {
    const note = `${format} values carry their own exponent and take no scale: remove the key`;
    for (const [key, value] of Object.entries({
      granularity,
      scale: typeof scale === 'string' ? scale : undefined,
    })) {
      if (value === undefined) continue;
      yield { path: [...path, key], expected: `no ${key} with ${format}`, found: `"${value}"`, note };
    }
    return;
  }
  if (granularity !== undefined) {
    const parsed = parseGranularity(definition, granularity);
    if (typeof parsed === 'object' && 'expected' in parsed) {
      const { expected, note } = parsed;
      yield { path: [...path, 'granularity'], expected, found: `"${granularity}"`, ...(note && { note }) };
      return;
    }
  }
  const { defaultGranularity: own, granularities } = definition;
  const shared =
    granularity ?? (own === 'tensor' ? 'tensor' : own === 'row' ? 'token' : `group:${own.group}`);
  if (scale === 'static' && shared !== 'tensor') {
    const remedy = granularities.includes('tensor')
      ? 'granularity: tensor'
      : `${format} has none: remove the key`;
    yield {
      path: [...path, 'scale'],
      expected: `dynamic, with granularity ${shared}`,
      found: '"static"',
      note: `tokens are not known beforehand, so only a scale of the whole tensor can be: ${remedy}`,
    };
  }
}
