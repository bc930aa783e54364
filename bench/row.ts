/** One line of a benchmark's report. */
export interface Row {
  what: string;
  /** Measured figure, and its unit. */
  value: number;
  unit: string;
  /** What the figure should reach. */
  target?: string;
  /** Anything that a reader needs to get it again. */
  note?: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function printRows(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, value, unit, target, note } of rows) {
    const figure = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
    const extra = [target && `target ${target}`, note].filter(Boolean).join('; ');
    console.log(`  ${what.padEnd(width)}  ${figure.padStart(8)} ${unit}${extra ? `  (${extra})` : ''}`);
  }
}
