import * as z from 'zod';
import { suggest } from '../errors.ts';

/*
 * Pieces of the schema. Every `error` is the phrase that follows "expected" in a message; a second line, if any, is the note
 * that says what to do.
 */

/** A name out of a few; a wrong one gets the nearest as a note, and `because` where there is more to say. */
export function oneOf<const T extends readonly string[]>(
  values: T,
  expected: string,
  because: (found: string) => string | undefined = () => undefined,
) {
  return z.enum(values, {
    error: ({ input }) => {
      const note =
        typeof input === 'string'
          ? (because(input) ?? suggest(input, values))
          : `known: ${values.join(', ')}`;
      return `${expected}\n${note}`;
    },
  });
}

export function wholeNumber(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export const map = { error: 'a map' };
