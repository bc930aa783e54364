import type { Fit } from '../../formats/index.ts';

type Numbers = ArrayLike<number> & { set?(from: ArrayLike<number>, at: number): void };

/**
 * The fit of a matrix from fits of its groups of columns, in order. `whole`, a fit of all columns at once, says where
 * things stand: what has as many values as all groups together is taken from the groups, row by row; what does not grow
 * with the columns (the scale of a tensor or of a row, a chosen type) is that of `whole`.
 *
 * @param groups one for each group of columns, each fitted with `whole`
 */
export function mergeFits<F extends Fit>(whole: F, groups: readonly F[], rows: number): F {
  if (groups.length === 1) return groups[0]!;
  const merged: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(whole)) {
    const parts = groups.map((group) => (group as unknown as Record<string, unknown>)[key]);
    if (isNumbers(value)) {
      merged[key] = interleaved(value, parts as Numbers[], rows, key);
      continue;
    }
    // A fit of all groups has room for one: `whole` should have decided.
    if (parts.some((part) => JSON.stringify(part) !== JSON.stringify(value)))
      throw new Error(`a fit's "${key}" is not the same in all groups`);
    merged[key] = value;
  }
  return merged as unknown as F;
}

function interleaved(whole: Numbers, parts: readonly Numbers[], rows: number, key: string): Numbers {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const { length } = parts[0]!;
  if (total !== whole.length) {
    if (parts.every((part) => part.length === whole.length)) return whole;
    throw new Error(`a fit's "${key}" has ${whole.length} values, its groups' ${total}`);
  }
  // Values of a group in a row: one for a scale, more for a table.
  const each = length / rows;
  if (!Number.isInteger(each)) throw new Error(`${length} values of a fit's "${key}" for ${rows} rows`);
  const out = (whole as unknown as { slice(): Numbers & { [index: number]: number } }).slice();
  for (let r = 0, at = 0; r < rows; r++) {
    for (const part of parts) {
      for (let i = 0; i < each; i++) out[at++] = part[r * each + i]!;
    }
  }
  return out;
}

function isNumbers(value: unknown): value is Numbers {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}
