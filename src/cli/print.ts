import type { CostComparison } from '../cost/index.ts';
import type { Evaluation } from '../evaluate/index.ts';
import { costColumns, printCostFooter } from './print-compare-costs.ts';
import { renderTable } from './table.ts';

/** Lists of numbers alone, as JSON.stringify lays them out: line breaks stand between tokens only, never in a text. */
const NUMBERS = /\[\n\s+(-?[\d.eE+-]+(?:,\n\s+-?[\d.eE+-]+)*)\n\s+\]/g;

/** JSON.rawJSON (ECMAScript proposal, in Node 22 and newer), which TypeScript does not know yet. */
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };

/**
 * JSON on stdout, lists of numbers on one line. What JSON has no number for is written as "NaN", "Infinity" or
 * "-Infinity"; bigints as all their digits.
 */
export function printJson(value: unknown): void {
  const replace = (_key: string, item: unknown) => {
    if (typeof item === 'bigint') return rawJSON(String(item));
    return typeof item === 'number' && !Number.isFinite(item) ? String(item) : item;
  };
  const text = JSON.stringify(value, replace, 2);
  console.log(text.replace(NUMBERS, (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`));
}

/** A metric's figures, one a line, and what they were measured with. */
export function printResult({ result, warnings, record }: Evaluation): void {
  const { headline: _, divergence, metric, ...figures } = result;
  const rows = Object.entries({ ...figures, ...divergence })
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => [words(name), typeof value === 'number' ? number(value) : String(value)]);
  console.log(`${metric} of ${record.model.name} on ${record.machine.name}\n`);
  console.log(renderTable([{ title: '' }, { title: '', align: 'right' }], rows));
  printFooter([{ result, warnings, record }]);
}

/**
 * Machines side by side, float32 first: the metric, its change against float32, how far predictions moved, and what a
 * pass costs, or else the seconds that the evaluation took.
 */
export function printComparison(evaluations: readonly Evaluation[], costs: CostComparison | undefined): void {
  const first = evaluations[0]!;
  const { name, better } = first.result.headline;
  const reference = first.result.headline.value;
  const right = 'right' as const;
  const seconds = {
    columns: [{ title: 'seconds', align: right }],
    cells: evaluations.map(({ record }) => [record.seconds.toFixed(1)]),
  };
  const further = costs ? costColumns(costs) : seconds;
  const rows = evaluations.map(({ result, record }, i) => {
    const { value } = result.headline;
    const change = signed(better === 'lower' ? value / reference - 1 : value - reference);
    const { meanKl, top1Agreement } = result.divergence ?? {};
    return [
      record.machine.name,
      number(value),
      change,
      meanKl === undefined ? '' : meanKl.toExponential(2),
      top1Agreement === undefined ? '' : `${(100 * top1Agreement).toFixed(2)} %`,
      ...further.cells[i]!,
    ];
  });
  console.log(`${first.result.metric} of ${first.record.model.name}\n`);
  console.log(
    renderTable(
      [
        { title: 'machine' },
        { title: name, align: right },
        { title: better === 'lower' ? 'vs float32' : 'points', align: right },
        { title: 'KL, nats', align: right },
        { title: 'same top 1', align: right },
        ...further.columns,
      ],
      rows,
    ),
  );
  printFooter(evaluations);
  if (better === 'higher') console.log('points: above float32');
  if (!costs) return;
  const names = evaluations.map(({ record }) => record.machine.name);
  printCostFooter(costs, names, name);
}

function printFooter(evaluations: readonly Evaluation[]): void {
  const { record } = evaluations[0]!;
  console.log(`\ndata ${record.data}, context ${record.context}`);
  console.log(
    `kernel ${record.kernel}; tapeout ${record.tapeout}${record.streamed ? '; weights streamed' : ''}`,
  );
  const calibrations = new Set(evaluations.map(({ record: { calibration } }) => calibration).filter(Boolean));
  for (const calibration of calibrations) console.log(`static scales calibrated on ${calibration}`);
  for (const warning of new Set(evaluations.flatMap(({ warnings }) => warnings)))
    console.error(`note: ${warning}`);
}

/** `meanNll` -> `mean nll`. */
function words(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
}

function number(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) >= 1e5 ? value.toExponential(3) : value.toPrecision(6);
}

function signed(share: number): string {
  return `${share >= 0 ? '+' : ''}${(100 * share).toFixed(2)} %`;
}
