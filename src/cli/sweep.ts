import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Sweep } from '../cost/index.ts';
import { InputError, RunError } from '../errors.ts';
import { checkSizes, type WorkloadFlags, workloadOptions } from './cost.ts';

interface Flags extends WorkloadFlags {
  set: string[];
  out?: string;
  svg?: string;
}

export function register(program: Command): void {
  const command = program
    .command('sweep')
    .description('what machines cost when keys of the machine file take many values')
    .requiredOption('--machine <machine>', 'preset or YAML file')
    .requiredOption(
      '--set <key=values>',
      'KEY=FROM..TO:STEP or KEY=a,b,c; may be repeated; batch and sequence are keys too',
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    )
    .option('--out <file>', 'all points as CSV (default: a table of the best)')
    .option('--svg <file>', 'a picture of all points')
    .option('--json', 'print JSON')
    .action(run);
  workloadOptions(command);
}

async function run(flags: Flags, command: Command): Promise<void> {
  checkSizes(flags, command);
  if (/\.cfg$/i.test(flags.machine)) {
    throw new InputError('--machine: expected a preset or a YAML file, found a SCALE-Sim configuration', {
      note: 'tapeout cost takes it; a sweep changes keys of a YAML file',
    });
  }
  const [
    { loadWorkload, sweep, sweepCsv, sweepSvg },
    { loadVariableMachine },
    { printJson },
    { nulled, totalJson },
  ] = await Promise.all([
    import('../cost/index.ts'),
    import('../machine/index.ts'),
    import('./print.ts'),
    import('./print-cost.ts'),
  ]);
  const { phase, batch, sequence } = flags;
  const workload = await loadWorkload(flags);
  const machine = loadVariableMachine(flags.machine);
  const result = await sweep(machine, workload, { phase, batch, sequence }, flags.set);
  const title = `${flags.shape ?? flags.model ?? flags.topology} on ${flags.machine}`;
  if (flags.out !== undefined) await write(flags.out, sweepCsv(result));
  if (flags.svg !== undefined) await write(flags.svg, sweepSvg(result, title));
  if (flags.json) {
    const points = result.points.map(({ total, ...point }) => ({
      ...point,
      total: total && totalJson(total),
    }));
    printJson(nulled({ ...result, points }));
  } else await print(result);
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new RunError(`cannot write ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Of many points, those that nothing beats. */
const MOST_ROWS = 40;

async function print({ axes, points }: Sweep): Promise<void> {
  const { renderTable } = await import('./table.ts');
  const right = 'right' as const;
  const columns = [
    ...axes.map(({ key }) => ({ title: key, align: right })),
    { title: 'cycles', align: right },
    { title: 'seconds', align: right },
    { title: 'joules', align: right },
    { title: 'mm2', align: right },
    { title: 'tokens/s', align: right },
    { title: 'tokens/J', align: right },
    { title: 'best' },
  ];
  const shown = points.length <= MOST_ROWS ? points : points.filter(({ best }) => best).slice(0, MOST_ROWS);
  const number = (value: number | undefined) => value?.toPrecision(4) ?? '?';
  const rows = shown.map(({ values, total, best, error }) =>
    total
      ? [
          ...values.map(String),
          total.cycles.total.toLocaleString('en'),
          number(total.seconds),
          number(total.energy.total && total.energy.total * 1e-12),
          number(total.area.total),
          number(total.tokensPerSecond),
          number(total.tokensPerJoule),
          best ? '*' : '',
        ]
      : [...values.map(String), error!.slice(0, 60)],
  );
  console.log(renderTable(columns, rows));
  const best = points.filter((point) => point.best).length;
  console.log(`\n${points.length} points, ${best} best: no other is as fast, as frugal and as small (*)`);
  const failed = points.filter(({ error }) => error);
  if (failed.length > 0) console.error(`note: ${failed.length} points cannot be: ${failed[0]!.error}`);
}
