import type { Tokenizer } from '../checkpoint/index.ts';
import { InputError } from '../errors.ts';
import type { Dataset } from './data.ts';
import type { DivergenceSummary } from './divergence.ts';
import type { ClassifyRequest, ClassScore, Score, ScoreRequest } from './request.ts';

/** What the model can take. The caller fills these in; they are no options of a metric. */
export interface ModelLimits {
  /** Tokens of one sequence, BOS included; at least 2. */
  context: number;
  /** Rows of the embedding table; a token id at or above it is an error. */
  vocabulary?: number | undefined;
  /** Classes of an encoder's head; a label at or above it is an error. */
  classes?: number | undefined;
}

/** Options of all metrics; each metric names the ones that it takes. */
export interface MetricOptions {
  /** Score at most so many items (documents, passages, chunks); default: all. */
  limit?: number | undefined;
  /** Start every sequence with BOS where the model has one; default: true. */
  bos?: boolean | undefined;
  /** Column of the text; default: by the metric. */
  column?: string | undefined;
  /** Column of the right answer; default: by the metric. */
  labelColumn?: string | undefined;
  /** Column of the second sentence of a pair. */
  pairColumn?: string | undefined;
  /** What separates the documents of a .txt file; default: the file is one document. */
  split?: string | undefined;
  /** Perplexity over consecutive chunks of the whole text. `chunk` and `chunks` imply it. */
  rolling?: boolean | undefined;
  /** Tokens of a chunk; default: the context. */
  chunk?: number | undefined;
  /** Chunks to score; default: all that the text fills. */
  chunks?: number | undefined;
  /** So many chunks from random places of the text instead of consecutive ones; implies rolling. */
  sequences?: number | undefined;
  /** Of the random places; default: 0. */
  seed?: number | undefined;
  /** Last word: only its last token is the target. */
  lastToken?: boolean | undefined;
}

export type OptionName = keyof MetricOptions;

/** The one number of a result that a table shows. */
export interface Headline {
  name: string;
  value: number;
  better: 'lower' | 'higher';
}

/** What every metric's result has in common: plain JSON, save that numbers may be NaN or Infinity. */
export interface ResultBase {
  metric: string;
  headline: Headline;
  /** Against the reference model, where there was one. */
  divergence?: DivergenceSummary;
}

/** Data made into requests, and the way back from what came out to a result. */
export interface Task<Kind, Request, Outcome, Result> {
  kind: Kind;
  requests: Request[];
  /** What the user should know before reading the result: one sentence each. */
  warnings: string[];
  /** Outcomes in the order of the requests; sums are float64 in that order, so the result is reproducible. */
  reduce(outcomes: readonly Outcome[]): Result;
}

export type ScoreTask<Result = ResultBase> = Task<'score', ScoreRequest, Score, Result>;
export type ClassifyTask<Result = ResultBase> = Task<'classify', ClassifyRequest, ClassScore, Result>;

interface MetricBase {
  name: string;
  /** One line for `--help`. */
  summary: string;
  /** The options that it takes; any other is an error. */
  options: readonly OptionName[];
}

/** A metric of a decoder: losses of given tokens. */
export interface ScoreMetric<Result = ResultBase> extends MetricBase {
  kind: 'score';
  /** Throws InputError for data that the metric cannot use. */
  prepare(data: Dataset, tokenizer: Tokenizer, options: MetricOptions & ModelLimits): ScoreTask<Result>;
}

/** A metric of an encoder: class logits. */
export interface ClassifyMetric<Result = ResultBase> extends MetricBase {
  kind: 'classify';
  /** Throws InputError for data that the metric cannot use. */
  prepare(data: Dataset, tokenizer: Tokenizer, options: MetricOptions & ModelLimits): ClassifyTask<Result>;
}

/** An option as the command line spells it: `lastToken` is `--last-token`. */
export function flag(option: OptionName | 'context'): string {
  // On by default, so that the option switches it off.
  if (option === 'bos') return '--no-bos';
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** An option's whole number of at least `least`, or an InputError that names the option. */
export function wholeNumber(option: OptionName | 'context', value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new InputError(`expected a whole number of at least ${least}, found ${value}`, {
      place: { key: flag(option) },
    });
  }
  return value;
}

/** How many items to score: `--limit`, or no bound. */
export function itemLimit(options: MetricOptions): number {
  return options.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('limit', options.limit, 1);
}

/** The items that come first, at most `limit`: the rest of a lazy source is never read. */
export function* take<Item>(items: Iterable<Item>, limit: number): Generator<Item> {
  if (limit <= 0) return;
  let taken = 0;
  for (const item of items) {
    yield item;
    if (++taken >= limit) return;
  }
}

/** Guards `reduce` against an executor that lost or doubled a request. */
export function checkOutcomes(requests: readonly unknown[], outcomes: readonly unknown[]): void {
  if (requests.length !== outcomes.length) {
    throw new Error(`${outcomes.length} outcomes for ${requests.length} requests`);
  }
}
