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
  bos: boolean;
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
    .option('--no-bos', 'do not put BOS in front')
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
    const { prompt, tokens, temperature, seed, bos, backend, memory, calibration } = flags;
    const generation = await generateText(model, machine, prompt, {
      tokens,
      temperature,
      seed,
      bos,
      backend,
      memory,
      calibration,
      onLayer: (done, total) =>
        progress.evaluation({ subject: machine.name, stage: 'weights', done, total, unit: 'layers' }),
    });
    progress.finish();
    let text = prompt;
    if (!flags.json) process.stdout.write(prompt);
    for await (const piece of generation.pieces) {
      text += piece;
      if (!flags.json) process.stdout.write(piece);
    }
    if (!flags.json) process.stdout.write('\n');
    else {
      const options = { tokens, temperature, seed, bos };
      printJson({ prompt, text, generated: generation.tokens, options, record: generation.record });
    }
  } finally {
    progress.finish();
    await model?.checkpoint.close();
  }
}
