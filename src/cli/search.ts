import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError, RunError } from '../errors.ts';
import type { LoadedModel } from '../evaluate/index.ts';
import type { PrecisionSearchResult } from '../search/index.ts';
import { type DataFlags, dataOptions, evaluateOptions, runOptions, wholeNumber } from './options.ts';

interface Flags extends DataFlags {
  model: string;
  machine: string;
  vary: string;
  format?: string;
  formats?: string[];
  set?: string[];
  classes: string[];
  start?: { from: number; to: number };
  tolerance: number;
  iterations: number;
  reference?: string;
  log?: string;
  out?: string;
}

/** Exit statuses of a process that a signal ends: 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

export function register(program: Command): void {
  const search = program.command('search').description('look for the best machine of a family');
  const command = search
    .command('precision')
    .description('fewest bit operations within a tolerance (Anda, Algorithm 1), class by class of sites')
    .option('--model <model>', 'folder, hub id or demo model', 'demo-llama')
    .option('--machine <machine>', 'preset or YAML file to start from', 'anda')
    .option('--tolerance <share>', 'how much worse than the reference is good enough', share, 0.01)
    .option('--iterations <n>', 'most combinations to evaluate', wholeNumber(1), 32)
    .option('--vary <what>', 'a setting of --format, or format: of activations, weights, operands', USUAL)
    .option('--format <name>', 'the format whose setting is varied (default: anda)')
    .option('--formats <names...>', 'the formats to choose from, where formats are varied')
    .option('--set <key=value...>', 'what else the varied encodings say, such as granularity=group:128')
    .option('--classes <classes...>', 'qkv, o, u, d, or name=site,site', ['qkv', 'o', 'u', 'd'])
    .option('--start <range>', 'widths of the first, uniform combinations (default: 4..13)', range)
    .option('--reference <machine>', 'what to compare with (default: float16 in place of what is varied)')
    .option('--log <file>', 'append each result to this file, and go on from what it has')
    .option('--out <file>', 'write the best machine')
    .option('--json', 'print JSON')
    .action(run);
  runOptions(dataOptions(command));
  command.exitOverride().showHelpAfterError('(tapeout search precision --help lists its options)');
}

const USUAL = 'activations.mantissa';

/** The bounds are the library's to check. */
function share(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isNaN(value)) throw new InvalidArgumentError('expected a share such as 0.01.');
  return value;
}

function range(text: string): { from: number; to: number } {
  const [, from, to] = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(text) ?? [];
  if (from === undefined) throw new InvalidArgumentError('expected a range such as 4..13.');
  return { from: Number(from), to: Number(to ?? from) };
}

async function run(flags: Flags): Promise<void> {
  const [{ loadModel }, { loadMachine }, search, { startProgress }, { printJson }, print] = await Promise.all(
    [
      import('../evaluate/index.ts'),
      import('../machine/index.ts'),
      import('../search/index.ts'),
      import('./run-progress.ts'),
      import('./print.ts'),
      import('./print-search.ts'),
    ],
  );
  if (flags.out !== undefined) checkWritable(flags.out);
  const usual = flags.vary === USUAL ? 'anda' : undefined;
  const variation = search.readVariation({ ...flags, format: flags.format ?? usual });
  const classes = search.readClasses(flags.classes);
  const base = await loadMachine(flags.machine);
  const reference = flags.reference === undefined ? undefined : await loadMachine(flags.reference);
  const recipe = { base, classes, variation };
  const progress = startProgress();
  // Lines of a run that prints JSON are for whoever watches it.
  const say = (text: string) => {
    progress.finish();
    if (flags.json) console.error(text);
    else console.log(text);
  };
  let steps = 0;
  const stop = onSignal(() => {
    progress.finish();
    const kept =
      flags.log === undefined ? 'no --log keeps them' : `the same command goes on from ${flags.log}`;
    console.error(`stopped after ${steps} steps: ${kept}`);
  });
  let model: LoadedModel | undefined;
  try {
    model = await loadModel(flags.model, { offline: flags.offline ?? false, onProgress: progress.download });
    const lines = print.stepLines(classes);
    const result = await search.searchMachinePrecision(model, {
      ...recipe,
      start: flags.start,
      tolerance: flags.tolerance,
      iterations: flags.iterations,
      reference,
      log: flags.log,
      evaluation: { ...evaluateOptions(flags), onProgress: progress.evaluation },
      onReference: (measured) => {
        say(print.referenceLine(measured, flags.tolerance));
        say(lines.head(measured));
      },
      onStep: (step, replayed) => {
        steps = step.step;
        say(lines.row(step, replayed));
      },
    });
    progress.finish();
    if (flags.json) printJson(result);
    else print.printSearch(result);
    if (flags.out !== undefined)
      writeBest(flags.out, result, (folder, remarks) =>
        search.combinationFile(recipe, result.best!.combination, folder, remarks),
      );
  } finally {
    stop();
    progress.finish();
    await model?.checkpoint.close();
  }
}

/** Said at once, and not after hours. */
function checkWritable(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (cause) {
    throw new InputError(`expected a folder to write into, found: ${(cause as Error).message}`, {
      place: { file, key: '--out' },
      cause,
    });
  }
}

function writeBest(
  file: string,
  { best, tolerance, reference, record }: PrecisionSearchResult,
  text: (folder: string, remarks: string[]) => string,
): void {
  if (!best) throw new RunError(`no combination is within the tolerance; ${file} is not written`);
  const { metric } = reference;
  writeFileSync(
    file,
    text(dirname(file), [
      `Found by tapeout ${record.tapeout} search precision on ${record.model.name}: ${metric} ${best.metric.toPrecision(6)}, ` +
        `${reference.name} ${reference.value.toPrecision(6)},`,
      `tolerance ${tolerance}; ${best.saving.toFixed(2)} times fewer bit operations.`,
    ]),
  );
}

/** What the log has is on the disk already, so a signal ends the program at once. */
function onSignal(farewell: () => void): () => void {
  const handlers = Object.entries(SIGNALS).map(([signal, status]) => {
    const handler = () => {
      farewell();
      process.exit(status);
    };
    process.once(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}
