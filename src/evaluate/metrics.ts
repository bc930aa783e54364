import { InputError, suggest } from '../errors.ts';
import { findLayout } from './choice-items.ts';
import { type ClassificationResult, classification } from './classification.ts';
import type { Dataset } from './data.ts';
import { type LastWordResult, lastWord } from './last-word.ts';
import {
  type ClassifyMetric,
  flag,
  type MetricOptions,
  type OptionName,
  type ScoreMetric,
} from './metric.ts';
import { type MultipleChoiceResult, multipleChoice } from './multiple-choice.ts';
import { type PerplexityResult, perplexity } from './perplexity.ts';
import { type RollingPerplexityResult, rollingPerplexity } from './rolling.ts';

/** What a metric says of a run: plain JSON, told apart by `metric`. */
export type MetricResult =
  | ClassificationResult
  | LastWordResult
  | MultipleChoiceResult
  | PerplexityResult
  | RollingPerplexityResult;

export type Metric = ClassifyMetric<MetricResult> | ScoreMetric<MetricResult>;

/** Every metric, by the alphabet. */
export const METRICS: readonly Metric[] = [
  classification,
  lastWord,
  multipleChoice,
  perplexity,
  rollingPerplexity,
];

/** Options that every metric takes. */
const COMMON: readonly OptionName[] = ['limit'];

/** Values that say what holds anyway. */
const DEFAULTS: MetricOptions = { bos: true, rolling: false, lastToken: false };

/** The metric of that name. Throws InputError with the nearest name. */
export function findMetric(name: string): Metric {
  const found = METRICS.find((metric) => metric.name === name);
  if (found) return found;
  const names = ['auto', ...METRICS.map((metric) => metric.name)];
  throw new InputError(`no metric "${name}"`, { place: { key: '--metric' }, note: suggest(name, names) });
}

/**
 * The metric to run: the one named, or with `auto` the one that the model's kind and the file's columns call for.
 * Throws InputError if the model cannot answer it or an option is not its own.
 */
export function chooseMetric(
  name: string,
  data: Dataset,
  model: 'decoder' | 'encoder',
  options: MetricOptions,
): Metric {
  const metric = resolve(name, data, model, options);
  const needed = metric.kind === 'score' ? 'decoder' : 'encoder';
  if (model !== needed) {
    const head = needed === 'encoder' ? 'an encoder with a classification head' : 'a decoder';
    const found = model === 'encoder' ? 'an encoder' : 'a decoder';
    throw new InputError(`${metric.name} needs ${head}; the model is ${found}`, {
      place: { file: data.file },
    });
  }
  checkOptions(metric, options);
  return metric;
}

function resolve(name: string, data: Dataset, model: 'decoder' | 'encoder', options: MetricOptions): Metric {
  const { chunk, chunks, sequences } = options;
  const rolling = options.rolling || [chunk, chunks, sequences].some((value) => value !== undefined);
  if (name === 'perplexity' && rolling) return rollingPerplexity;
  if (name !== 'auto') return findMetric(name);
  if (model === 'encoder') return classification;
  if (options.lastToken) return lastWord;
  if (rolling) return rollingPerplexity;
  if (data.kind === 'text' || options.column !== undefined) return perplexity;
  if (findLayout(data)) return multipleChoice;
  if (data.columns.includes('text')) return perplexity;
  if (data.columns.includes('sentence') && data.columns.includes('label')) return classification;
  throw new InputError(`no metric is known by the columns ${data.columns.slice(0, 50).join(', ')}`, {
    place: { file: data.file },
    note: `choose one with --metric: ${METRICS.map((metric) => metric.name).join(', ')}; --column names the text`,
  });
}

/** An option that would be ignored is a mistake of the user's. */
function checkOptions(metric: Metric, options: MetricOptions): void {
  const known = [...COMMON, ...metric.options];
  for (const option of OPTION_NAMES) {
    const value = options[option];
    if (value === undefined || value === DEFAULTS[option] || known.includes(option)) continue;
    throw new InputError(`${metric.name} does not take it`, {
      place: { key: flag(option) },
      note: `it takes ${known.map(flag).join(', ')}`,
    });
  }
}

const OPTION_NAMES = Object.keys({
  bos: 0,
  chunk: 0,
  chunks: 0,
  column: 0,
  labelColumn: 0,
  lastToken: 0,
  limit: 0,
  pairColumn: 0,
  rolling: 0,
  seed: 0,
  sequences: 0,
  split: 0,
} satisfies Record<OptionName, 0>) as OptionName[];
