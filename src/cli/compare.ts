import type { Command } from 'commander';
import type { LoadedModel } from '../evaluate/index.ts';
import { type DataFlags, dataOptions, evaluateOptions, runOptions } from './options.ts';

interface Flags extends DataFlags {
  model: string;
  machine?: string[];
}

export function register(program: Command): void {
  const command = program
    .command('compare')
    .description('one checkpoint on several machines, side by side with float32')
    .option('--model <model>', 'folder, hub id or demo model', 'demo-llama')
    .option('--machine <machines...>', 'presets or YAML files (default: all presets)')
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
    if (flags.json)
      print.printJson(evaluations.map(({ result, warnings, record }) => ({ ...result, warnings, record })));
    else print.printComparison(evaluations);
  } finally {
    progress.finish();
    await model?.checkpoint.close();
  }
}
