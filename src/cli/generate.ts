import { type Command, InvalidArgumentError } from 'commander';
import type { LoadedModel } from '../evaluate/index.ts';
import { type RunFlags, runOptions, wholeNumber } from './options.ts';

interface Flags extends RunFlags {
  model: string;
  machine: string;
  prompt: string;
  tokens: number;
  temperature: number;
  seed: number;
}

export function register(program: Command): void {
  const command = program
    .command('generate')
    .description('continue a prompt on a machine')
    .option('--model <model>', 'folder, hub id or demo model', 'demo-llama')
    .option('--machine <machine>', 'preset or YAML file', 'float32')
    .option('--prompt <text>', 'what the text starts with', '')
    .option('--tokens <n>', 'most new tokens', wholeNumber(1), 100)
    .option('--temperature <t>', '0 takes the most likely token always', temperature, 0)
    .option('--seed <n>', 'seed of the sampling', wholeNumber(0), 0)
    .option('--json', 'print JSON')
    .action(run);
  runOptions(command);
}

function temperature(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new InvalidArgumentError('expected a number of at least 0.');
  return value;
}

async function run(flags: Flags): Promise<void> {
  const [{ loadModel, generateText }, { loadMachine }, { startProgress }, { printJson }] = await Promise.all([
    import('../evaluate/index.ts'),
    import('../machine/index.ts'),
    import('./run-progress.ts'),
    import('./print.ts'),
  ]);
  const machine = await loadMachine(flags.machine);
  const progress = startProgress();
  let model: LoadedModel | undefined;
  try {
    model = await loadModel(flags.model, { offline: flags.offline ?? false, onProgress: progress.download });
    const { prompt, tokens, temperature, seed, backend, memory, calibration } = flags;
    const pieces = generateText(model, machine, prompt, {
      tokens,
      temperature,
      seed,
      backend,
      memory,
      calibration,
      onLayer: (done, total) =>
        progress.evaluation({ machine: machine.name, stage: 'weights', done, total, unit: 'layers' }),
    });
    let text = prompt;
    if (!flags.json) process.stdout.write(prompt);
    for await (const piece of pieces) {
      progress.finish();
      text += piece;
      if (!flags.json) process.stdout.write(piece);
    }
    if (flags.json)
      printJson({ model: flags.model, machine: machine.name, prompt, text, tokens, temperature, seed });
    else process.stdout.write('\n');
  } finally {
    progress.finish();
    await model?.checkpoint.close();
  }
}
