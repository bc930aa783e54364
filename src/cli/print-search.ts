import type { PrecisionSearchResult, PrecisionSearchStep, SiteClass } from '../search/index.ts';

type Reference = PrecisionSearchResult['reference'];

/** What every metric is compared with, and how far one may be from it. */
export function referenceLine({ name, metric, value, better }: Reference, tolerance: number): string {
  const limit = value * (better === 'lower' ? 1 + tolerance : 1 - tolerance);
  const side = better === 'lower' ? 'at most' : 'at least';
  return `reference ${name}: ${metric} ${number(value)}; accepted: ${side} ${number(limit)}\n`;
}

/** Rows of a table that grows while the search runs, so that its columns have their widths beforehand. */
export function stepLines(classes: readonly Pick<SiteClass, 'name'>[]) {
  const widths = classes.map(({ name }) => Math.max(name.length, 3));
  const row = (cells: readonly string[]) => {
    const sizes = [4, ...widths, 10, 7, 12];
    const verdict = cells.at(-1)!;
    return [...sizes.map((size, i) => cells[i]!.padStart(size)), verdict].join('  ').trimEnd();
  };
  return {
    head: ({ metric }: Reference) =>
      row(['step', ...classes.map(({ name }) => name), 'BOPs', 'saving', metric, 'verdict']),
    row: ({ step, combination, bops, saving, metric, verdict }: PrecisionSearchStep, replayed: boolean) =>
      row([
        String(step),
        ...combination.map(String),
        bops.toExponential(3),
        saving.toFixed(2),
        number(metric),
        replayed ? `${verdict} (log)` : verdict,
      ]),
  };
}

/** What came out, below the steps. */
export function printSearch({ best, classes, ended, steps, record, reference }: PrecisionSearchResult): void {
  const end =
    ended === 'iterations'
      ? `stopped after ${steps.length} iterations, with cheaper combinations left`
      : 'nothing cheaper is left';
  if (best) {
    const widths = classes.map(({ name }, i) => `${name} ${best.combination[i]}`).join(', ');
    console.log(`\nbest: ${widths}`);
    console.log(
      `${best.saving.toFixed(2)} times fewer bit operations; ${reference.metric} ${number(best.metric)}`,
    );
  } else console.log('\nno combination is within the tolerance');
  console.log(end);
  console.log(`\ndata ${record.data.source}, context ${record.context}`);
  console.log(`kernel ${record.kernel}; tapeout ${record.tapeout}; BOPs are for one token`);
}

function number(value: number): string {
  return Number.isFinite(value) && Math.abs(value) >= 1e6 ? value.toExponential(3) : value.toPrecision(6);
}
