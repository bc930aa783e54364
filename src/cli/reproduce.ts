import type { Command } from 'commander';
import type { Entry, Reproduction, Score } from '../reproduce/index.ts';

interface Flags {
  notes?: boolean;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command('reproduce')
    .description("a paper's tables and figures against ours")
    .argument('[paper]', 'name of a paper, or all', 'all')
    .option('--notes', 'say of every entry how ours is computed, not only of those that are off')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(name: string, flags: Flags): Promise<void> {
  const [{ basisOf, reproduce, scoreOf }, { printJson }, { renderTable, wrap }] = await Promise.all([
    import('../reproduce/index.ts'),
    import('./print.ts'),
    import('./table.ts'),
  ]);
  const papers = await reproduce(name);
  const scoreboard = papers.map(scoreOf);
  if (flags.json) return printJson({ papers, scoreboard });

  for (const paper of papers) {
    console.log(
      `${wrap(paper.title, 96).join('\n')}\n\n${renderTable(
        COLUMNS,
        paper.entries.map((entry) => [...cells(entry), basisOf(entry) ?? '']),
      )}\n`,
    );
    for (const [note, entries] of notes(paper, flags.notes ?? false)) {
      console.log(entries.map(({ id }) => id).join(', '));
      for (const line of wrap(note, 96)) console.log(`    ${line}`);
    }
    console.log('');
  }
  console.log(renderTable(SCORE_COLUMNS, [...scoreboard, total(scoreboard)].map(scoreCells)));
  console.log(
    '\nderived: rests on a reading that follows from other printed numbers. fitted: on a constant\nfitted to other bars of its figure. synthetic: on made-up data.\n' +
      'Entries that need weights, data or a fault campaign are not counted as reproduced.',
  );
}

const right = 'right' as const;
const COLUMNS = [
  { title: 'entry' },
  { title: 'paper', align: right },
  { title: 'ours', align: right },
  { title: 'unit' },
  { title: 'deviation', align: right },
  { title: 'allowed', align: right },
  { title: '' },
  { title: 'rests on' },
];
const SCORE_COLUMNS = [
  { title: 'paper' },
  { title: 'entries', align: right },
  { title: 'reproduced', align: right },
  { title: 'of them derived', align: right },
  { title: 'fitted', align: right },
  { title: 'synthetic', align: right },
  { title: 'off', align: right },
  { title: 'needs more', align: right },
];

function cells({ id, paper, ours, unit, deviation, tolerance, holds }: Entry): string[] {
  const absolute = tolerance.kind === 'absolute';
  const share = (value: number) => `${(100 * value).toFixed(2)} %`;
  const plus = deviation !== undefined && deviation >= 0 ? '+' : '';
  return [
    id,
    figure(paper),
    ours === undefined ? '' : figure(ours),
    unit,
    deviation === undefined ? '' : plus + (absolute ? deviation.toFixed(3) : share(deviation)),
    tolerance.kind === 'exact'
      ? 'exact'
      : absolute
        ? String(Number(tolerance.within.toFixed(3)))
        : share(tolerance.within),
    holds === undefined ? 'needs more' : holds ? 'ok' : 'OFF',
  ];
}

/** Of each note its entries: those that are off or missing, or all. */
function notes({ entries }: Reproduction, all: boolean): Map<string, Entry[]> {
  const shown = entries.filter(({ holds }) => all || holds !== true);
  return Map.groupBy(shown, ({ note }) => note);
}

function total(scores: readonly Score[]): Score {
  const sum = (key: Exclude<keyof Score, 'paper'>) => scores.reduce((count, score) => count + score[key], 0);
  return {
    paper: 'total',
    entries: sum('entries'),
    reproduced: sum('reproduced'),
    derived: sum('derived'),
    fitted: sum('fitted'),
    synthetic: sum('synthetic'),
    off: sum('off'),
    missing: sum('missing'),
  };
}

function scoreCells({
  paper,
  entries,
  reproduced,
  derived,
  fitted,
  synthetic,
  off,
  missing,
}: Score): string[] {
  return [paper, ...[entries, reproduced, derived, fitted, synthetic, off, missing].map(String)];
}

/** Counts in full, other numbers to four digits. */
function figure(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(4)));
}
