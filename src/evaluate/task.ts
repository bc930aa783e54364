import { basename } from 'node:path';
import { InputError } from '../errors.ts';
import { type Dataset, readDataset } from './data.ts';
import { demoData } from './demo.ts';
import { readDocuments, USUAL_SPLIT } from './documents.ts';
import type { LoadedModel } from './load.ts';
import type { MetricOptions, Task } from './metric.ts';
import { chooseMetric, type MetricResult } from './metrics.ts';
import type { Outcome, Request } from './request.ts';
import { specialTokens, startTokens } from './sequences.ts';

/** Data and a metric, made into requests for one model. */
export interface EvaluationTask {
  task: Task<'score' | 'classify', Request, Outcome, MetricResult>;
  /** The file that the user named, or which demo text. */
  source: string;
  /** Its path. */
  file: string;
  context: number;
}

/** Most tokens of a sequence where nobody says. */
const CONTEXT = 2048;
/** Sequences that static scales and smoothing are taken from. */
const CALIBRATION_SEQUENCES = 16;

export async function prepareTask(
  model: LoadedModel,
  options: {
    data?: string | undefined;
    metric?: string | undefined;
    context?: number | undefined;
    metricOptions?: MetricOptions | undefined;
  },
): Promise<EvaluationTask> {
  const { config, tokenizer, architecture } = model;
  const context = contextOf(model, options.context);
  const name = options.metric ?? (options.metricOptions?.lastToken ? 'last-word' : 'auto');
  const { dataset, source, demo } = await readData(options.data, name, architecture.kind);
  const metricOptions = {
    ...(demo && dataset.kind === 'text' && { split: USUAL_SPLIT }),
    ...options.metricOptions,
  };
  const metric = chooseMetric(name, dataset, architecture.kind, metricOptions);
  const task = metric.prepare(dataset, tokenizer, {
    ...metricOptions,
    context,
    vocabulary: config.vocabulary,
    ...(config.labels !== undefined && { classes: config.labels }),
  });
  return { task: task as EvaluationTask['task'], source, file: dataset.file, context };
}

/** The first sequences of a text: what a machine's static scales are taken from. Default: the demo text. */
export async function calibrationSequences(
  model: LoadedModel,
  options: { data?: string | undefined; context?: number | undefined; split?: string | undefined },
): Promise<{ sequences: { tokens: number[] }[]; source: string }> {
  const { tokenizer } = model;
  const context = contextOf(model, options.context);
  const { dataset, source, demo } = await readData(options.data, 'perplexity', 'decoder');
  const split = options.split ?? (demo ? USUAL_SPLIT : undefined);
  const { documents } = readDocuments(dataset, {
    limit: CALIBRATION_SEQUENCES,
    ...(split !== undefined && dataset.kind === 'text' && { split }),
  });
  const decoder = model.architecture.kind === 'decoder';
  const before = decoder ? startTokens(tokenizer) : specialTokens(tokenizer).before;
  const sequences = documents.map(({ text }) => {
    return { tokens: [...before, ...tokenizer.encode(text, { special: false })].slice(0, context) };
  });
  return { sequences, source };
}

/** What the evaluated data itself offers for calibration. */
export function firstSequences({ task }: EvaluationTask): { tokens: number[] }[] {
  return task.requests.slice(0, CALIBRATION_SEQUENCES);
}

function contextOf({ config, checkpoint }: LoadedModel, wanted: number | undefined): number {
  if (wanted === undefined) return Math.min(CONTEXT, config.context);
  if (wanted > config.context) {
    throw new InputError(`${checkpoint.name} holds ${config.context} tokens; found ${wanted}`, {
      place: { key: '--context' },
    });
  }
  return wanted;
}

async function readData(
  data: string | undefined,
  metric: string,
  kind: 'decoder' | 'encoder',
): Promise<{ dataset: Dataset; source: string; demo: boolean }> {
  const file = data ?? demoData(metric, kind);
  return {
    dataset: await readDataset(file),
    source: data ?? `demo text ${basename(file)}`,
    demo: data === undefined,
  };
}
