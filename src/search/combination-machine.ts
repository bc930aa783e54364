import { relative, resolve, sep } from 'node:path';
import { type Machine, readMachine } from '../machine/index.ts';
import type { Combination } from './precision.ts';
import type { SiteClass } from './site-classes.ts';
import type { Variation } from './variation.ts';

/** Longest name of a machine file. */
const NAME = 64;
const PRESET = 'preset ';

/** What the machine is made of: `base` with one encoding a class. */
export interface Recipe {
  base: Machine;
  classes: readonly SiteClass[];
  variation: Variation;
}

/** The machine of a combination. @throws InputError where the base cannot take it */
export function combinationMachine(recipe: Recipe, combination: Combination): Machine {
  const name = nameOf(recipe.base, combination.join('-'));
  return readMachine(combinationText(recipe, combination, baseOf(recipe.base)), name);
}

/** The machine with FP16 in place of what is varied: what the bit operations saved are measured against, too. */
export function float16Machine(recipe: Recipe): Machine {
  const { base, classes, variation } = recipe;
  const encodings = classes.map(() => ({ format: 'float16' }));
  const name = nameOf(base, 'float16');
  const text = layer(recipe, encodings, name, `${variation.operands.join(' and ')} in float16`, baseOf(base));
  return readMachine(text, name);
}

/**
 * The machine file of a combination, to be written into `folder`: paths in it are relative.
 *
 * @param remarks comment lines on top: where it comes from
 */
export function combinationFile(
  recipe: Recipe,
  combination: Combination,
  folder: string,
  remarks: readonly string[] = [],
): string {
  const text = combinationText(recipe, combination, baseOf(recipe.base, folder));
  return [...remarks.map((remark) => `# ${remark}`), text].join('\n');
}

function combinationText(recipe: Recipe, combination: Combination, extended: string): string {
  const { base, classes, variation } = recipe;
  const encodings = combination.map(
    (width) => variation.choices.find(({ bits }) => bits === width)!.encoding,
  );
  const widths = classes.map(({ name }, i) => `${name} ${combination[i]}`).join(', ');
  const description = `${base.name} with ${variation.name} of ${widths} bits`.slice(0, 500);
  return layer(recipe, encodings, nameOf(base, combination.join('-')), description, extended);
}

/** A machine file that lays an encoding a class over its base. */
function layer(
  { classes, variation }: Recipe,
  encodings: readonly Readonly<Record<string, string | number>>[],
  name: string,
  description: string,
  extended: string,
): string {
  const lines = classes.flatMap(({ sites }, i) => {
    const encoding = map(encodings[i]!);
    const operands = variation.operands.map((operand) => `${operand}: ${encoding}`).join(', ');
    return sites.map((site) => `  ${site}: { ${operands} }`);
  });
  const head = [`extends: ${scalar(extended)}`, `name: ${name}`, `description: ${scalar(description)}`];
  return `${[...head, 'sites:', ...lines].join('\n')}\n`;
}

/** The base's name and a suffix, of the length that a machine file allows. */
function nameOf(base: Machine, suffix: string): string {
  return `${base.name.slice(0, Math.max(1, NAME - 1 - suffix.length))}-${suffix}`.slice(0, NAME);
}

/** The base as a machine file in `folder` names it; an absolute path without one. */
function baseOf({ source }: Machine, folder?: string): string {
  if (source.startsWith(PRESET)) return source.slice(PRESET.length);
  if (folder === undefined) return resolve(source);
  // A path, and not the name of a preset: it holds a slash.
  const path = relative(folder, source).split(sep).join('/');
  return path.startsWith('../') ? path : `./${path}`;
}

function map(encoding: Readonly<Record<string, string | number>>): string {
  const entries = Object.entries(encoding).map(([key, value]) => `${key}: ${scalar(value)}`);
  return `{ ${entries.join(', ')} }`;
}

/** A YAML scalar: a plain word where that is unambiguous, else as JSON writes it, which YAML reads. */
function scalar(value: string | number): string {
  return typeof value === 'string' &&
    /^[a-z][a-z0-9_-]*(:\d+)?$/i.test(value) &&
    !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value)
    ? value
    : JSON.stringify(value);
}
