import { InputError, suggest } from '../errors.ts';
import { FORMATS, findFormat } from '../formats/index.ts';

export type Operand = 'weights' | 'activations';

/** A width that a class can have, and how a machine file writes it. */
export interface Choice {
  /** Bits that take part in a multiplication. */
  bits: number;
  /** The keys of the encoding, `format` first. */
  encoding: Readonly<Record<string, string | number>>;
}

/** What a search varies, class by class: the encoding of one operand or of both. */
export interface Variation {
  /** `activations.mantissa`, `weights.format`. */
  name: string;
  operands: readonly Operand[];
  /** By ascending width, no two of one width. */
  choices: readonly Choice[];
}

const OPERANDS: Readonly<Record<string, readonly Operand[]>> = {
  activations: ['activations'],
  weights: ['weights'],
  operands: ['weights', 'activations'],
};

/**
 * What to vary, as the command line says it.
 *
 * @param options.vary `activations`, `weights` or `operands` (both alike), a dot, and `format` or the name of a setting
 * @param options.format for a setting: the format that has it
 * @param options.formats for `format`: those to choose from, each of another width
 * @param options.set what else the encodings say: `granularity=group:128`; formats without scales take no granularity
 * @throws InputError
 */
export function readVariation(options: {
  vary: string;
  format?: string | undefined;
  formats?: readonly string[] | undefined;
  set?: readonly string[] | undefined;
}): Variation {
  const { vary, format, formats, set = [] } = options;
  const [operand = '', key = '', ...others] = vary.split('.');
  const operands = Object.hasOwn(OPERANDS, operand) ? OPERANDS[operand] : undefined;
  if (!operands || key === '' || others.length > 0) {
    throw new InputError(
      `expected what to vary, such as activations.mantissa or weights.format; found "${vary}"`,
      {
        place: { key: '--vary' },
        note: `first ${Object.keys(OPERANDS).join(', ')}; then format, or a setting of --format`,
      },
    );
  }
  const rest = Object.fromEntries(set.map(readAssignment));
  if (key === 'format') {
    if (format !== undefined) throw unused('--format', '--formats lists the formats to choose from');
    return { name: vary, operands, choices: formatChoices(formats ?? [], rest) };
  }
  if (formats !== undefined)
    throw unused('--formats', `${key} is a setting of one format, named with --format`);
  if (format === undefined) {
    throw new InputError(`expected the format that has the setting ${key}`, { place: { key: '--format' } });
  }
  return { name: vary, operands, choices: settingChoices(format, key, rest) };
}

/** Every value of a setting that counts bits. */
export function settingChoices(
  format: string,
  setting: string,
  rest: Choice['encoding'] = {},
  range = settingRange(format, setting),
): Choice[] {
  return Array.from({ length: range.max - range.min + 1 }, (_, i) => ({
    bits: range.min + i,
    encoding: { format, ...rest, [setting]: range.min + i },
  }));
}

function settingRange(format: string, setting: string): { min: number; max: number } {
  const { settings } = findFormat(format);
  const spec = Object.hasOwn(settings, setting) ? settings[setting] : undefined;
  if (spec?.kind === 'integer') return spec;
  const counted = Object.keys(settings).filter((key) => settings[key]!.kind === 'integer');
  const found = spec ? `"${setting}" of ${format} is none` : `${format} has no setting "${setting}"`;
  const known = counted.length > 0 ? suggest(setting, counted) : `${format} has no such setting`;
  throw new InputError(`expected a setting that is a whole number; ${found}`, {
    place: { key: '--vary' },
    note: known,
  });
}

/** Formats by ascending width. */
function formatChoices(formats: readonly string[], rest: Choice['encoding']): Choice[] {
  const place = { key: '--formats' };
  const { granularity: _, scale: __, ...unscaled } = rest;
  const choices = formats.map((format) => {
    const bits = formatBits(format, rest);
    const scaled = FORMATS[format]!.granularities.length > 0;
    return { bits, encoding: { format, ...(scaled ? rest : unscaled) } };
  });
  choices.sort((a, b) => a.bits - b.bits);
  if (choices.length < 2) {
    const note = `known: ${Object.keys(FORMATS).join(', ')}`;
    throw new InputError(`expected at least two formats, found ${choices.length}`, { place, note });
  }
  const same = choices.find(({ bits }, i) => choices[i + 1]?.bits === bits);
  if (!same) return choices;
  const equal = choices.filter(({ bits }) => bits === same.bits).map(({ encoding }) => encoding.format);
  throw new InputError(
    `expected formats of different widths, found ${equal.join(' and ')} of ${same.bits} bits`,
    {
      place,
    },
  );
}

/** Settings that say how many bits of a value are multiplied: Anda counts a mantissa of M bits as M (section III). */
const WIDTHS = ['mantissa', 'bits'];

/**
 * Bits of a format's values in a multiplication.
 *
 * @throws InputError for a format whose values have no fixed number of them
 */
export function formatBits(name: string, chosen: Readonly<Record<string, unknown>> = {}): number {
  const { settings, table } = findFormat(name);
  for (const key of WIDTHS) {
    const spec = Object.hasOwn(settings, key) ? settings[key] : undefined;
    const width = spec?.kind === 'integer' ? (chosen[key] ?? spec.default) : undefined;
    if (typeof width === 'number') return width;
  }
  if (/^\d+$/.test(table.bits)) return Number(table.bits);
  throw new InputError(`expected a format of a fixed number of bits; ${name} has "${table.bits}"`);
}

function readAssignment(text: string): [string, string | number] {
  const [, key, value] = /^([A-Za-z][A-Za-z0-9]*)=(.+)$/.exec(text) ?? [];
  if (key === undefined || value === undefined || key === 'format') {
    throw new InputError(`expected key=value, found "${text}"`, { place: { key: '--set' } });
  }
  return [key, value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value];
}

function unused(key: string, note: string): InputError {
  return new InputError('does not go with this --vary', { place: { key }, note });
}
