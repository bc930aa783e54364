import { InputError } from '../errors.ts';
import type { Gemm } from '../kernels/index.ts';
import type {
  Attention,
  Datapath,
  Matrix,
  PreparedWeight,
  Projection,
  Site,
  WeightMatrix,
} from '../model/index.ts';
import { siteId } from '../model/index.ts';
import { InputStatistics, RowSample, type Sample, type Statistic, type Wants } from './statistics.ts';

/** What a site has seen on calibration data: largest magnitudes, and what else was wanted of it. */
export interface SiteStatistics {
  /** Largest |x| of each input channel, [inputs]; empty for attention products. */
  input: Float32Array;
  output: number;
  /** Attention products: of the left and the right operand. */
  operands?: { left: number; right: number };
  /** mean|x| of each input channel, [inputs]. */
  meanAbs?: Float32Array;
  /** 2/N Σ x xᵀ, [inputs, inputs]; one array for sites that share an input. */
  hessian?: Float32Array;
  sample?: Sample;
  /** Rows of the output. */
  outputSample?: Sample;
  /** Attention products: rows of the left and the right operand, along the model's head size but for sv's left. */
  samples?: { left: Sample; right: Sample };
}

/** Statistics by site id: plain data, sent to worker threads. */
export type Calibration = Record<string, SiteStatistics>;

/** What to collect beside largest magnitudes. */
export interface Collection {
  /** Multiplies for second moments. */
  gemm: Gemm;
  wants: Wants;
  /** Most rows of a sample; 512 by default (assumed). */
  sampleRows?: number | undefined;
}

const SAMPLE_ROWS = 512;

/** The statistics of a site. Throws InputError where the calibration did not come by it. */
export function calibrated(calibration: Calibration | undefined, site: Site): SiteStatistics {
  const statistics = calibration?.[siteId(site)];
  if (!statistics) {
    throw new InputError(`site ${siteId(site)} needs statistics of calibration data, and there are none`, {
      note: 'give calibration data, or use dynamic scales and weights rounded to nearest',
    });
  }
  return statistics;
}

interface Collected {
  maxima: SiteStatistics;
  input?: InputStatistics;
  output?: RowSample;
  operands?: { left: RowSample; right: RowSample };
}

/** Runs the model on another datapath and records what passes through each site. */
export class CalibrationDatapath implements Datapath {
  readonly #inner: Datapath;
  readonly #collection: Collection | undefined;
  readonly #sites = new Map<string, { site: Site; collected: Collected }>();

  constructor(inner: Datapath, collection?: Collection) {
    this.#inner = inner;
    this.#collection = collection;
  }

  get kernels() {
    return this.#inner.kernels;
  }

  /** What was recorded so far. */
  get calibration(): Calibration {
    return this.#results([...this.#sites.values()]);
  }

  /** What was recorded in a layer (undefined: outside the layers), which is then forgotten. */
  take(layer: number | undefined): Calibration {
    const entries = [...this.#sites.values()].filter(({ site }) => site.layer === layer);
    for (const { site } of entries) this.#sites.delete(siteId(site));
    return this.#results(entries);
  }

  prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Promise<PreparedWeight[]> {
    return this.#inner.prepare(group);
  }

  async project(input: Matrix, projections: readonly Projection[]): Promise<void> {
    // An inner datapath leaves its input as it is.
    await this.#inner.project(input, projections);
    for (const { site, output } of projections) {
      const collected = this.#collected(site, input.columns);
      const { maxima } = collected;
      this.#columnMax(maxima.input, input);
      maxima.output = Math.max(maxima.output, this.kernels.absMax(output.data));
      if (!this.#wants(site, 'outputSample')) continue;
      collected.output ??= new RowSample(this.#sampleRows);
      collected.output.add(output.data, output.columns);
    }
    for (const statistics of this.#inputStatistics(input, projections)) await statistics.add(input);
  }

  async attend(attention: Attention): Promise<void> {
    const { kernels } = this;
    const { qk, sv, queries, keys, values, softmax, d } = attention;
    const [q, k, v] = [queries, keys, values].map((x) => kernels.absMax(x));
    const scores = this.#operandSamples(qk);
    scores?.left.add(queries, d);
    scores?.right.add(keys, d);
    const contexts = this.#operandSamples(sv);
    contexts?.right.add(values, d);
    if (contexts) {
      await this.#inner.attend({
        ...attention,
        softmax(probabilities, block) {
          softmax(probabilities, block);
          contexts.left.add(probabilities, block.keys);
        },
      });
    } else {
      await this.#inner.attend(attention);
    }
    this.#operands(qk, q!, k!);
    // Probabilities lie in 0..1.
    this.#operands(sv, 1, v!);
  }

  /** Where the input goes: one collector for the sites that share it. */
  #inputStatistics(input: Matrix, projections: readonly Projection[]): Set<InputStatistics> {
    const collection = this.#collection;
    if (!collection) return new Set();
    const { gemm, wants } = collection;
    const wanting = projections.filter(({ site }) => wants[site.name]?.length);
    const wanted = new Set<Statistic>(wanting.flatMap(({ site }) => wants[site.name]!));
    let common: InputStatistics | undefined;
    return new Set(
      wanting.map(({ site }) => {
        const collected = this.#collected(site, input.columns);
        if (!collected.input) {
          common ??= new InputStatistics(this.kernels, gemm, input.columns, wanted, this.#sampleRows);
          collected.input = common;
        }
        return collected.input;
      }),
    );
  }

  #operandSamples(site: Site): Collected['operands'] {
    if (!this.#wants(site, 'sample')) return undefined;
    const collected = this.#collected(site, 0);
    const rows = this.#sampleRows;
    collected.operands ??= { left: new RowSample(rows), right: new RowSample(rows) };
    return collected.operands;
  }

  #wants(site: Site, statistic: Statistic): boolean {
    return this.#collection?.wants[site.name]?.includes(statistic) ?? false;
  }

  get #sampleRows(): number {
    return this.#collection?.sampleRows ?? SAMPLE_ROWS;
  }

  #results(entries: readonly { site: Site; collected: Collected }[]): Calibration {
    const calibration: Calibration = {};
    const finished = new Map<InputStatistics, ReturnType<InputStatistics['result']>>();
    for (const { site, collected } of entries) {
      const { maxima, input, output, operands } = collected;
      const statistics = { ...maxima };
      if (input) {
        const all = finished.get(input) ?? input.result();
        finished.set(input, all);
        for (const name of this.#collection!.wants[site.name]!)
          if (name !== 'outputSample') Object.assign(statistics, { [name]: all[name] });
      }
      if (output) statistics.outputSample = output.result();
      if (operands) statistics.samples = { left: operands.left.result(), right: operands.right.result() };
      calibration[siteId(site)] = statistics;
    }
    return calibration;
  }

  #collected(site: Site, inputs: number): Collected {
    const id = siteId(site);
    let entry = this.#sites.get(id);
    if (!entry) {
      entry = { site, collected: { maxima: { input: new Float32Array(inputs), output: 0 } } };
      this.#sites.set(id, entry);
    }
    return entry.collected;
  }

  #operands(site: Site, left: number, right: number): void {
    const { maxima } = this.#collected(site, 0);
    const before = maxima.operands ?? { left: 0, right: 0 };
    maxima.operands = { left: Math.max(before.left, left), right: Math.max(before.right, right) };
  }

  #columnMax(out: Float32Array, { data, columns }: Matrix): void {
    const { kernels } = this;
    const mark = kernels.mark();
    const max = kernels.load(out);
    kernels.columnAbsMax(max, data, columns);
    out.set(max);
    kernels.release(mark);
  }
}
