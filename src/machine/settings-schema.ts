import * as z from 'zod';
import { FORMATS, type SettingSpec } from '../formats/index.ts';

/**
 * The settings of all formats as optional keys of an encoding. One key may mean other values to other formats: which
 * go with which is checked in resolve.ts, against the format's own specification.
 */
export function settingsShape(): Record<string, z.ZodOptional<z.ZodType<number | string>>> {
  const specs = new Map<string, { format: string; spec: SettingSpec }[]>();
  for (const { name, settings } of Object.values(FORMATS)) {
    for (const [key, spec] of Object.entries(settings)) {
      // An encoding has its own key `scale`, which says more.
      if (key === 'scale') continue;
      specs.set(key, [...(specs.get(key) ?? []), { format: name, spec }]);
    }
  }
  const keys = [...specs.keys()].sort();
  return Object.fromEntries(keys.map((key) => [key, settingType(specs.get(key)!)]));
}

function settingType(uses: { format: string; spec: SettingSpec }[]) {
  const error = { error: 'a number or a word' };
  const words = [...new Set(uses.flatMap(({ spec }) => (spec.kind === 'choice' ? spec.values : [])))];
  const numbers = uses.some(({ spec }) => spec.kind !== 'choice');
  const type: z.ZodType<number | string> =
    words.length === 0
      ? z.number({ error: 'a number' })
      : numbers
        ? z.union([z.number(), z.string()], error)
        : z.string({ error: `one of ${words.join(', ')}` });
  const meanings = [...new Set(uses.map(({ spec }) => spec.description))];
  const formats = [...new Set(uses.map(({ format }) => format))];
  const where =
    formats.length > 4
      ? `${formats.slice(0, 3).join(', ')} and ${formats.length - 3} more`
      : formats.join(', ');
  return type.describe(`${meanings.join('; ')} (${where}).`).optional();
}
