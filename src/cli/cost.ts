import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CostMachine, CostReport, WorkloadOptions } from '../cost/index.ts';
import { InputError } from '../errors.ts';

/** Options of commands that cost a workload. */
export interface WorkloadFlags {
  machine: string;
  model?: string;
  shape?: string;
  topology?: string;
  phase: WorkloadOptions['phase'];
  batch: number;
  sequence: number;
  json?: boolean;
}

interface Flags extends WorkloadFlags {
  explain?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('cost')
    .description('what a machine costs to run a model: cycles, energy, area')
    .requiredOption('--machine <machine>', 'preset, YAML file or SCALE-Sim .cfg')
    .option('--explain', 'show every figure that went in, with its source')
    .option('--json', 'print JSON')
    .action(run);
  workloadOptions(command);
}

export function workloadOptions(command: Command): Command {
  return command
    .option('--model <folder>', 'folder with a config.json (no weights needed) or demo model')
    .option('--shape <name>', 'published model, such as opt-6.7b')
    .option('--topology <file>', 'SCALE-Sim topology .csv')
    .addOption(
      new Option('--phase <phase>', 'all tokens at once, or one more')
        .choices(['prefill', 'decode'])
        .default('prefill'),
    )
    .option('--batch <n>', 'sequences computed together', positive, 1)
    .option('--sequence <tokens>', 'tokens of a sequence; in decode, in its cache', positive, 128);
}

/** The library says what is wrong with zero and negative numbers. */
function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('expected a number.');
  return value;
}

/** @throws InputError for sizes beside a topology, whose rows have their own */
export function checkSizes({ topology }: WorkloadFlags, command: Command): void {
  if (topology === undefined) return;
  for (const name of ['phase', 'batch', 'sequence'] as const) {
    if (command.getOptionValueSource(name) === 'default') continue;
    throw new InputError(
      `--${name}: expected none beside --topology, found ${command.getOptionValue(name)}`,
      {
        note: 'the rows of a topology say the sizes of its GEMMs',
      },
    );
  }
}

async function run(flags: Flags, command: Command): Promise<void> {
  const [{ costOf, loadWorkload }, { printJson }, { costJson, printCost }] = await Promise.all([
    import('../cost/index.ts'),
    import('./print.ts'),
    import('./print-cost.ts'),
  ]);
  const { phase, batch, sequence } = flags;
  checkSizes(flags, command);
  const workload = (await loadWorkload(flags))({ phase, batch, sequence });
  const report: CostReport = costOf(await loadCostMachine(flags.machine), workload);
  if (flags.json) printJson(costJson(report, flags.explain ?? false));
  else printCost(report, flags.explain ?? false);
}

async function loadCostMachine(nameOrPath: string): Promise<CostMachine> {
  const [{ loadScaleSimConfig, prepareCost, scaleSimMachine }, { loadMachine }] = await Promise.all([
    import('../cost/index.ts'),
    import('../machine/index.ts'),
  ]);
  if (/\.cfg$/i.test(nameOrPath)) return scaleSimMachine(loadScaleSimConfig(nameOrPath));
  return prepareCost(await loadMachine(nameOrPath));
}
