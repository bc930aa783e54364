/** A column of a text table. */
export interface Column {
  /** Tables whose titles are all empty have no head. */
  title: string;
  /** Numbers stand to the right. */
  align?: 'left' | 'right';
  /** Gives way when the table is too wide: its text goes on in further lines. */
  wrap?: boolean;
}

const GAP = '  ';
/** A column that gives way keeps at least this much. */
const NARROWEST = 12;

/**
 * A table with aligned columns, without borders, in at most `width` columns of a terminal. Where it would be wider, the
 * columns that wrap give way, or the widest one where none does; what still does not fit is cut with an ellipsis.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = 100,
): string {
  const texts = rows.map((row) => columns.map((_, i) => tidy(row[i] ?? '')));
  const titles = columns.map(({ title }) => tidy(title));
  const head = titles.some((title) => title !== '') ? [titles] : [];
  const widths = fitWidths(columns, [...head, ...texts], width);

  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i]!, columns[i]!.align))
      .join(GAP)
      .trimEnd();
  const lines = [...head, ...texts].flatMap((row) => {
    const cells = row.map((cell, i) => (columns[i]!.wrap ? wrap(cell, widths[i]!) : [cut(cell, widths[i]!)]));
    const height = Math.max(...cells.map((cell) => cell.length));
    return Array.from({ length: height }, (_, k) => line(cells.map((cell) => cell[k] ?? '')));
  });
  if (head.length > 0) lines.splice(1, 0, line(widths.map((columnWidth) => '-'.repeat(columnWidth))));
  return lines.join('\n');
}

/** Text in lines of at most `width` columns, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
    while (displayWidth(line) > width) {
      const part = take(line, width);
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
}

/** Columns of a terminal that a text takes: combining marks none, ideographs and emoji two. */
export function displayWidth(text: string): number {
  // Nearly everything is ASCII.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) return 0;
  return /[\p{Emoji_Presentation}ᄀ-ᅟ⺀-〾ぁ-꓏가-힣豈-﫿︰-﹯！-｠￠-￦]|[\u{20000}-\u{3fffd}]/u.test(
    character,
  )
    ? 2
    : 1;
}

function fitWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  limit: number,
): number[] {
  const widths = columns.map((_, i) => Math.max(0, ...rows.map((row) => displayWidth(row[i]!))));
  const available = limit - GAP.length * (columns.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  const wrapping = columns.flatMap(({ wrap }, i) => (wrap ? [i] : []));
  // First the columns that may wrap, then any: the widest gives way until it all fits or nothing can.
  for (const group of [wrapping, columns.map((_, i) => i)]) {
    while (excess > 0) {
      const widest = group.reduce((a, b) => (widths[b]! > widths[a]! ? b : a), group[0] ?? -1);
      if (widest < 0 || widths[widest]! <= NARROWEST) break;
      widths[widest]!--;
      excess--;
    }
  }
  return widths;
}

function tidy(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}

function pad(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? space + text : text + space;
}

function cut(text: string, width: number): string {
  return displayWidth(text) <= width ? text : `${take(text, width - 1)}…`;
}

/** As much of a text as fits, at least one character. */
function take(text: string, width: number): string {
  let taken = '';
  let used = 0;
  for (const character of text) {
    used += characterWidth(character);
    if (used > width && taken !== '') break;
    taken += character;
  }
  return taken;
}
