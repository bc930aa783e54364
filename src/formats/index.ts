/**
 * Number formats: how values are written in bits. One file a format, with its specification, a slow oracle and the
 * fast path that agrees with it bit for bit. May import from kernels/, tensor/ and errors.ts.
 */
import { InputError, suggest } from '../errors.ts';
import { bfloat16 } from './bfloat16.ts';
import { float16 } from './float16.ts';
import { float32 } from './float32.ts';
import type { FloatFormat, IntegerFormat } from './format.ts';
import { int8 } from './int8.ts';
import { tf32 } from './tf32.ts';

export type { FloatFormat, Format, IntegerFormat } from './format.ts';

/** Every format by name, in alphabetical order. */
export const FORMATS: Readonly<Record<string, FloatFormat | IntegerFormat>> = {
  bfloat16,
  float16,
  float32,
  int8,
  tf32,
};

/** @throws InputError for a name that no format has, with the nearest one. */
export function findFormat(name: string): FloatFormat | IntegerFormat {
  if (!Object.hasOwn(FORMATS, name)) {
    throw new InputError(`unknown format "${name}"`, { note: suggest(name, Object.keys(FORMATS)) });
  }
  return FORMATS[name]!;
}
