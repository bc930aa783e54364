import { type Command, InvalidArgumentError, Option } from 'commander';
import type { EvaluateOptions, MetricOptions } from '../evaluate/index.ts';

/** Options that commands share, and what they mean to the library. */

export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`expected a whole number of at least ${least}.`);
    }
    return value;
  };
}

const SIZES: Record<string, number> = { MB: 1e6, GB: 1e9, MiB: 2 ** 20, GiB: 2 ** 30 };

function bytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text) ?? [];
  const scale = SIZES[unit ?? ''];
  if (!number || !scale)
    throw new InvalidArgumentError(`expected a size such as 8GiB (${Object.keys(SIZES).join(', ')}).`);
  return Number(number) * scale;
}

/** Options of commands that run a model. */
export function runOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--backend <name>', 'what multiplies')
        .choices(['auto', 'onnxruntime', 'webassembly'])
        .default('auto'),
    )
    .option('--memory <size>', 'weights beyond this are streamed (default: half of the memory)', bytes)
    .option('--calibration <file>', 'text for static scales and smoothing')
    .option('--offline', 'use the hub cache only');
}

/** Options of commands that measure. */
export function dataOptions(command: Command): Command {
  return command
    .option('--data <file>', '.txt, .jsonl or .tsv file (default: the demo text)')
    .option(
      '--metric <name>',
      'perplexity, rolling-perplexity, last-word, multiple-choice, classification',
      'auto',
    )
    .option('--context <tokens>', 'most tokens of a sequence, BOS included', wholeNumber(2))
    .option('--split <text>', 'what separates the documents of a .txt file')
    .option('--limit <n>', 'score at most n documents, passages or chunks', wholeNumber(1))
    .option('--rolling', 'perplexity over consecutive chunks of the whole text')
    .option('--chunk <tokens>', 'tokens of a rolling chunk', wholeNumber(2))
    .option('--chunks <n>', 'rolling chunks to score', wholeNumber(1))
    .option('--sequences <n>', 'rolling chunks from random places instead', wholeNumber(1))
    .option('--seed <n>', 'of the random places', wholeNumber(0))
    .option('--column <name>', 'column of the text')
    .option('--label-column <name>', 'column of the right answer')
    .option('--pair-column <name>', 'column of the second sentence of a pair')
    .option('--last-token', 'last-word: only the last token is the target')
    .option('--no-bos', 'do not put BOS in front')
    .option('--workers <n>', 'threads (default: one a core)', wholeNumber(1));
}

/** What commander parsed of `runOptions` and `dataOptions`. */
export interface DataFlags extends RunFlags {
  data?: string;
  metric: string;
  context?: number;
  split?: string;
  limit?: number;
  rolling?: boolean;
  chunk?: number;
  chunks?: number;
  sequences?: number;
  seed?: number;
  column?: string;
  labelColumn?: string;
  pairColumn?: string;
  lastToken?: boolean;
  bos: boolean;
  workers?: number;
}

export interface RunFlags {
  backend: 'auto' | 'onnxruntime' | 'webassembly';
  memory?: number;
  calibration?: string;
  offline?: boolean;
  json?: boolean;
}

/** Only what was given: a metric refuses options that it does not take. */
export function evaluateOptions(flags: DataFlags): EvaluateOptions {
  const { split, limit, rolling, chunk, chunks, sequences, seed } = flags;
  const { column, labelColumn, pairColumn, lastToken } = flags;
  const given: MetricOptions = {
    split,
    limit,
    rolling,
    chunk,
    chunks,
    sequences,
    seed,
    column,
    labelColumn,
    pairColumn,
    lastToken,
  };
  const metricOptions = Object.fromEntries(
    Object.entries({ ...given, ...(flags.bos ? {} : { bos: false }) }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return {
    data: flags.data,
    metric: flags.metric,
    metricOptions,
    context: flags.context,
    calibration: flags.calibration,
    workers: flags.workers,
    backend: flags.backend,
    memory: flags.memory,
  };
}
