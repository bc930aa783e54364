import type { Command } from 'commander';
import type { CostComparison } from '../cost/index.ts';
import type { Evaluation, LoadedModel } from '../evaluate/index.ts';
import type { Machine } from '../machine/index.ts';
import { type DataFlags, dataOptions, evaluateOptions, runOptions } from './options.ts';

interface Flags extends DataFlags {
  model: string;
  machine?: string[];
  cost: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('compare')
    .description('quality and cost of one checkpoint on several machines, side by side with float32')
    .option('--model <model>', 'folder, hub id or demo model', 'demo-llama')
    .option('--machine <machines...>', 'presets or YAML files (default: all presets)')
    .option('--no-cost', 'leave out what the machines cost')
    .option('--json', 'print JSON')
    .action(run);
  runOptions(dataOptions(command));
}

async function run(flags: Flags): Promise<void> {
  const [{ loadModel, compare }, { loadMachine, presetNames }, { startProgress }, print] = await Promise.all([
    import('../evaluate/index.ts'),
    import('../machine/index.ts'),
    import('./run-progress.ts'),
    import('./print.ts'),
  ]);
  // float32 comes first: it is what the others are compared with, and it has run anyway.
  const machines = [await loadMachine('float32')];
  for (const name of flags.machine ?? presetNames()) {
    if (name !== 'float32') machines.push(await loadMachine(name));
  }
  const progress = startProgress();
  let model: LoadedModel | undefined;
  try {
    model = await loadModel(flags.model, { offline: flags.offline ?? false, onProgress: progress.download });
    const evaluations = await compare(model, machines, {
      ...evaluateOptions(flags),
      divergence: true,
      onProgress: progress.evaluation,
    });
    progress.finish();
    const costs = flags.cost ? await costsOf(model, machines, evaluations) : undefined;
    if (flags.json) print.printJson(await comparisonJson(evaluations, costs));
    else print.printComparison(evaluations, costs);
  } finally {
    progress.finish();
    await model?.checkpoint.close();
  }
}

/** Of one prefill of the evaluated context. */
async function costsOf(
  { checkpoint }: LoadedModel,
  machines: readonly Machine[],
  evaluations: readonly Evaluation[],
): Promise<CostComparison> {
  const { compareCosts, modelWorkload } = await import('../cost/index.ts');
  const sequence = evaluations[0]!.record.context;
  const size = { phase: 'prefill', batch: 1, sequence } as const;
  const losses = evaluations.map(({ result: { headline } }) =>
    headline.better === 'lower' ? headline.value : -headline.value,
  );
  return compareCosts(machines, losses, modelWorkload(checkpoint.name, checkpoint.config, size));
}

async function comparisonJson(evaluations: readonly Evaluation[], costs: CostComparison | undefined) {
  const { costJson } = await import('./print-cost.ts');
  return evaluations.map(({ result, warnings, record }, i) => {
    const cost = costs?.costs[i];
    return {
      ...result,
      ...(cost && {
        cost: cost.report ? costJson(cost.report, false) : null,
        costError: cost.error ?? null,
        pareto: cost.pareto ?? null,
      }),
      warnings,
      record,
    };
  });
}
