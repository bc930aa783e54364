import { InputError } from '../errors.ts';
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

/** Largest magnitudes that a site has seen on calibration data. */
export interface SiteStatistics {
  /** Of each input channel, [inputs]; empty for attention products. */
  input: Float32Array;
  output: number;
  /** Attention products: of the left and the right operand. */
  operands?: { left: number; right: number };
}

/** Statistics by site id: plain data, sent to worker threads. */
export type Calibration = Record<string, SiteStatistics>;

/** The statistics of a site. Throws InputError where the calibration did not come by it. */
export function calibrated(calibration: Calibration | undefined, site: Site): SiteStatistics {
  const statistics = calibration?.[siteId(site)];
  if (!statistics) {
    throw new InputError(`site ${siteId(site)} has a static scale or smoothing but no calibration`, {
      note: 'give calibration data, or use dynamic scales',
    });
  }
  return statistics;
}

/** Runs the model on another datapath and records what passes through each site. */
export class CalibrationDatapath implements Datapath {
  readonly calibration: Calibration = {};
  readonly #inner: Datapath;

  constructor(inner: Datapath) {
    this.#inner = inner;
  }

  get kernels() {
    return this.#inner.kernels;
  }

  prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Promise<PreparedWeight[]> {
    return this.#inner.prepare(group);
  }

  async project(input: Matrix, projections: readonly Projection[]): Promise<void> {
    await this.#inner.project(input, projections);
    for (const { site, output } of projections) {
      const statistics = this.#statistics(site, input.columns);
      this.#columnMax(statistics.input, input);
      statistics.output = Math.max(statistics.output, this.kernels.absMax(output.data));
    }
  }

  async attend(attention: Attention): Promise<void> {
    const { kernels } = this;
    const [q, k, v] = [attention.queries, attention.keys, attention.values].map((x) => kernels.absMax(x));
    await this.#inner.attend(attention);
    this.#operands(attention.qk, q!, k!);
    // Probabilities lie in 0..1.
    this.#operands(attention.sv, 1, v!);
  }

  #statistics(site: Site, inputs: number): SiteStatistics {
    const id = siteId(site);
    this.calibration[id] ??= { input: new Float32Array(inputs), output: 0 };
    return this.calibration[id];
  }

  #operands(site: Site, left: number, right: number): void {
    const statistics = this.#statistics(site, 0);
    const before = statistics.operands ?? { left: 0, right: 0 };
    statistics.operands = { left: Math.max(before.left, left), right: Math.max(before.right, right) };
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
