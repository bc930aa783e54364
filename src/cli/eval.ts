import type { Command } from 'commander';
import type { LoadedModel } from '../evaluate/index.ts';
import { type DataFlags, dataOptions, evaluateOptions, runOptions } from './options.ts';

interface Flags extends DataFlags {
  model: string;
  machine: string;
  divergence?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('eval')
    .description('score a checkpoint on a machine')
    .option('--model <model>', 'folder, hub id or demo model', 'demo-llama')
    .option('--machine <machine>', 'preset or YAML file', 'float32')
    .option('--divergence', 'compare every position with float32: KL divergence, top-1 agreement')
    .option('--json', 'print JSON')
    .action(run);
  runOptions(dataOptions(command));
}

async function run(flags: Flags): Promise<void> {
  const [{ loadModel, evaluate }, { loadMachine }, { startProgress }, { printJson, printResult }] =
    await Promise.all([
      import('../evaluate/index.ts'),
      import('../machine/index.ts'),
      import('./run-progress.ts'),
      import('./print.ts'),
    ]);
  // The machine first: a mistake in a small file should not wait for a large checkpoint.
  const machine = await loadMachine(flags.machine);
  const progress = startProgress();
  let model: LoadedModel | undefined;
  try {
    model = await loadModel(flags.model, { offline: flags.offline ?? false, onProgress: progress.download });
    const evaluation = await evaluate(model, machine, {
      ...evaluateOptions(flags),
      divergence: flags.divergence,
      onProgress: progress.evaluation,
    });
    progress.finish();
    if (flags.json)
      printJson({ ...evaluation.result, warnings: evaluation.warnings, record: evaluation.record });
    else printResult(evaluation);
  } finally {
    progress.finish();
    await model?.checkpoint.close();
  }
}
