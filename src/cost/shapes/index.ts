import { InputError, suggest } from '../../errors.ts';
import { bartShapes } from './bart.ts';
import { bertShapes } from './bert.ts';
import { bloomShapes } from './bloom.ts';
import { gpt2Shapes } from './gpt2.ts';
import { llamaShapes } from './llama.ts';
import { optShapes } from './opt.ts';
import type { Shape } from './shape.ts';

export type { Shape } from './shape.ts';

/** Published models by name, a file a family. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  ...bartShapes,
  ...bertShapes,
  ...bloomShapes,
  ...gpt2Shapes,
  ...llamaShapes,
  ...optShapes,
};

/** Other names of the same models. */
const ALIASES: Readonly<Record<string, string>> = { 'llama-33b': 'llama-30b', 'gpt2-small': 'gpt2' };

/** @throws InputError for a name that no shape has, with the nearest one */
export function findShape(name: string): Shape {
  const lower = name.toLowerCase();
  const known = Object.hasOwn(ALIASES, lower) ? ALIASES[lower]! : lower;
  if (!Object.hasOwn(SHAPES, known)) {
    throw new InputError(`unknown shape "${name.slice(0, 60)}"`, {
      note: suggest(name, Object.keys(SHAPES)),
    });
  }
  return SHAPES[known]!;
}
