import { InputError } from '../errors.ts';
import {
  Comparison,
  type EvaluateOptions,
  type Evaluation,
  type LoadedModel,
  type MetricOptions,
  type MetricResult,
} from '../evaluate/index.ts';
import type { Machine } from '../machine/index.ts';
import { VERSION } from '../version.ts';
import { bitOperations, type ClassWork, saving, workOf } from './bit-operations.ts';
import { combinationMachine, float16Machine, type Recipe } from './combination-machine.ts';
import { type Combination, searchPrecision } from './precision.ts';
import { type LogLine, SearchLog } from './search-log.ts';
import { sizeClasses } from './site-classes.ts';

export interface PrecisionSearchOptions extends Recipe {
  /** Widths of the uniform combinations to start from, inclusive; default: Anda's 4..13, and of formats all. */
  start?: { from: number; to: number } | undefined;
  /** How much worse than the reference's a metric may be, as a share of it; 0..1. */
  tolerance: number;
  /** Most combinations to evaluate; at least 1. */
  iterations: number;
  /** What metrics are compared with; default: the base with FP16 in place of what is varied. */
  reference?: Machine | undefined;
  /** A file that results are appended to, and that an interrupted search goes on from. */
  log?: string | undefined;
  /** The data, the metric and how to run; no divergence. */
  evaluation?: Omit<EvaluateOptions, 'divergence'> | undefined;
  onReference?: ((reference: ReferenceMetric) => void) | undefined;
  onStep?: ((step: PrecisionSearchStep, replayed: boolean) => void) | undefined;
}

export interface ReferenceMetric {
  /** Of the machine. */
  name: string;
  metric: string;
  value: number;
  better: 'lower' | 'higher';
}

export interface PrecisionSearchStep {
  /** 1-based. */
  step: number;
  /** Bits a class, in the order of the classes. */
  combination: Combination;
  /** Bit operations for one token. */
  bops: number;
  /** How many times fewer they are than with FP16 in place of what is varied. */
  saving: number;
  metric: number;
  verdict: 'accepted' | 'rejected';
}

export interface PrecisionSearchResult {
  search: 'precision';
  varied: string;
  classes: { name: string; sites: string[]; macs: number }[];
  tolerance: number;
  reference: ReferenceMetric;
  steps: PrecisionSearchStep[];
  /** The last accepted step; null where no combination was within the tolerance. */
  best: PrecisionSearchStep | null;
  ended: 'iterations' | 'exhausted';
  /** Steps that the log had. */
  replayed: number;
  record: {
    tapeout: string;
    model: { name: string; sha256: string };
    machine: { name: string; source: string; sha256: string };
    data: { source: string; sha256: string };
    metricOptions: MetricOptions;
    context: number;
    kernel: string;
  };
}

/** Anda, Algorithm 1. */
const USUAL_START = { from: 4, to: 13 };

/**
 * Looks for the combination of widths with the fewest bit operations whose metric is within a tolerance of the
 * reference's (Anda, Algorithm 1), on a real model and real data.
 *
 * @throws InputError for a tolerance, a range or a class that cannot be, and for a reference without a usable metric
 */
export async function searchMachinePrecision(
  model: LoadedModel,
  options: PrecisionSearchOptions,
): Promise<PrecisionSearchResult> {
  const { base, classes, variation, tolerance, iterations } = options;
  checkNumbers(tolerance, iterations);
  const starts = startsOf(options);
  const sized = sizeClasses(classes, { name: model.checkpoint.name, ...model });
  const work = workOf(sized, base.plan, variation);
  // Mistakes of the base show now, and not after the reference has run.
  const reference = options.reference ?? referenceOf(options);
  for (const start of starts) combinationMachine(options, start);

  const evaluation = options.evaluation ?? {};
  const comparison = await Comparison.create(model, evaluation);
  const facts = await comparison.facts();
  const log =
    options.log === undefined
      ? undefined
      : new SearchLog(options.log, {
          tapeout: VERSION,
          kernel: facts.kernel,
          machine: base.hash,
          reference: reference.hash,
          checkpoint: facts.checkpoint,
          data: facts.data,
          context: facts.context,
          metric: evaluation.metric ?? 'auto',
          options: evaluation.metricOptions ?? {},
          calibration: evaluation.calibration ?? '',
          varied: variation.name,
          widths: variation.choices,
          classes: classes.map(({ name, sites }) => ({ name, sites })),
          tolerance,
          starts,
        });
  try {
    const run = new Run(comparison, options, log, work);
    const measured = await run.reference(reference);
    options.onReference?.(measured);
    const { best, steps, ended } = await run.search(starts, measured);
    return {
      search: 'precision',
      varied: variation.name,
      classes: sized.map(({ name, products }) => ({
        name,
        sites: products.map(({ site }) => site),
        macs: products.reduce((sum, { macs }) => sum + macs, 0),
      })),
      tolerance,
      reference: measured,
      steps,
      best: best ?? null,
      ended,
      replayed: run.replayed,
      record: {
        tapeout: VERSION,
        model: { name: model.checkpoint.name, sha256: facts.checkpoint },
        machine: { name: base.name, source: base.source, sha256: base.hash },
        data: { source: facts.source, sha256: facts.data },
        metricOptions: evaluation.metricOptions ?? {},
        context: facts.context,
        kernel: facts.kernel,
      },
    };
  } finally {
    log?.close();
  }
}

/** One search: every metric comes from the log as long as it lasts, then from the model. */
class Run {
  /** Steps taken from the log. */
  replayed = 0;
  readonly #comparison: Comparison;
  readonly #options: PrecisionSearchOptions;
  readonly #log: SearchLog | undefined;
  readonly #work: readonly ClassWork[];
  /** Lines of the log that are used up. */
  #read = 0;

  constructor(
    comparison: Comparison,
    options: PrecisionSearchOptions,
    log: SearchLog | undefined,
    work: readonly ClassWork[],
  ) {
    this.#comparison = comparison;
    this.#options = options;
    this.#log = log;
    this.#work = work;
  }

  async reference(machine: Machine): Promise<ReferenceMetric> {
    let measured = this.#next() as ReferenceMetric | undefined;
    if (!measured) {
      const { metric, value, better } = headlineOf(await this.#comparison.evaluate(machine));
      measured = { name: machine.name, metric, value, better };
      checkReference(measured);
      this.#log?.append({ ...measured });
    } else if (typeof measured.value !== 'number') throw this.#foreign();
    return measured;
  }

  async search(starts: readonly Combination[], { value: reference, better }: ReferenceMetric) {
    const { variation, tolerance, iterations, onStep } = this.#options;
    const widths = starts[0]!.map(() => variation.choices.map(({ bits }) => bits));
    const limit = reference * (better === 'lower' ? 1 + tolerance : 1 - tolerance);
    // False for NaN.
    const acceptable = (metric: number) => (better === 'lower' ? metric <= limit : metric >= limit);
    const cost = (combination: Combination) => bitOperations(this.#work, combination, variation);
    let replayed = false;
    const evaluate = async (combination: Combination) => {
      const known = this.#next();
      replayed = known !== undefined;
      if (!known) {
        const machine = combinationMachine(this.#options, combination);
        return headlineOf(await this.#comparison.evaluate(machine)).value;
      }
      if (String(known.combination) !== String(combination) || typeof known.metric !== 'number')
        throw this.#foreign();
      this.replayed++;
      return known.metric;
    };

    const steps: PrecisionSearchStep[] = [];
    const search = searchPrecision({ widths, starts, cost }, evaluate, acceptable, iterations);
    for (;;) {
      const { done, value } = await search.next();
      if (done) {
        const best = value.best && steps[value.best.step - 1];
        return { best, steps, ended: value.ended };
      }
      const step: PrecisionSearchStep = {
        step: value.step,
        combination: value.combination,
        bops: value.cost,
        saving: saving(this.#work, value.cost, variation),
        metric: value.metric,
        verdict: value.accepted ? 'accepted' : 'rejected',
      };
      if (!replayed) this.#log?.append({ ...step });
      steps.push(step);
      onStep?.(step, replayed);
    }
  }

  #next(): LogLine | undefined {
    return this.#log?.lines[this.#read++];
  }

  /** The header is the same and the results are not those of this search: somebody has edited it. */
  #foreign(): InputError {
    return new InputError('expected the next step of this search, found something else', {
      place: { file: this.#log!.file, line: this.#read + 1 },
      note: 'the log is damaged; start another one',
    });
  }
}

function headlineOf({ result }: Evaluation): Omit<ReferenceMetric, 'name'> {
  const { name, value, better }: MetricResult['headline'] = result.headline;
  return { metric: name, value, better };
}

function checkNumbers(tolerance: number, iterations: number): void {
  if (!(tolerance >= 0 && tolerance <= 1)) {
    throw new InputError(`expected a share from 0 to 1, found ${tolerance}`, {
      place: { key: '--tolerance' },
      note: '0.01 allows a metric that is one percent worse than the reference',
    });
  }
  if (!Number.isSafeInteger(iterations) || iterations < 1) {
    throw new InputError(`expected a whole number of at least 1, found ${iterations}`, {
      place: { key: '--iterations' },
    });
  }
}

/** A tolerance is a share of the reference: it has to be a number above 0. */
function checkReference({ name, metric, value }: ReferenceMetric): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new InputError(`the reference ${name} has ${metric} ${value}: nothing to compare with`, {
    place: { key: '--reference' },
    note: 'choose a machine that works, such as float32, or other data',
  });
}

/** Uniform combinations, the narrowest first. */
function startsOf({ classes, variation, start }: PrecisionSearchOptions): Combination[] {
  const widths = variation.choices.map(({ bits }) => bits);
  const within = ({ from, to }: { from: number; to: number }) =>
    widths.filter((width) => width >= from && width <= to);
  const usual = variation.name.endsWith('.format') ? widths : within(USUAL_START);
  const chosen = start ? within(start) : usual;
  const inside = !start || (start.from >= widths[0]! && start.to <= widths.at(-1)!);
  if (!inside || chosen.length === 0) {
    const { from, to } = start ?? USUAL_START;
    throw new InputError(`expected a range within ${widths[0]}..${widths.at(-1)}, found ${from}..${to}`, {
      place: { key: '--start' },
      note: `widths of ${variation.name}: ${widths.join(', ')}`,
    });
  }
  return chosen.map((width) => classes.map(() => width));
}

function referenceOf(recipe: Recipe): Machine {
  try {
    return float16Machine(recipe);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { name } = recipe.base;
    throw new InputError(
      `${name} cannot have ${recipe.variation.operands.join(' and ')} in float16: ${error.message}`,
      {
        place: { key: '--reference' },
        note: 'name a machine to compare with, such as float32',
        cause: error,
      },
    );
  }
}
