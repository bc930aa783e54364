import type { Gemm, Kernels } from '../kernels/index.ts';
import type {
  Attention,
  AttentionBlock,
  Datapath,
  Matrix,
  PreparedWeight,
  Projection,
  Site,
  WeightMatrix,
} from '../model/index.ts';
import type { Calibration } from './calibration.ts';
import type { Engine } from './engine.ts';
import { FloatEngine } from './float.ts';
import { IntegerEngine } from './integer.ts';
import { type Arithmetic, arithmeticAt, type DatapathPlan } from './plan.ts';
import { ScaledEngine } from './scaled.ts';

/** Query rows of a block of a causal attention: few enough to skip most of what nobody sees, enough for fast products. */
const BLOCK_ROWS = 128;

/**
 * A group at once; where the attention is causal and long, and its engine allows for it, a part of a head at once, with
 * the keys that it can see.
 */
function* blocks({ groups, m, n, rows, causal }: Attention, whole: boolean): Generator<AttentionBlock> {
  const step = causal && rows > BLOCK_ROWS && !whole ? BLOCK_ROWS : m;
  for (let group = 0; group < groups; group++) {
    if (step === m) {
      yield { group, first: 0, rows: m, keys: n };
      continue;
    }
    for (let head = 0; head < m; head += rows) {
      for (let row = 0; row < rows; row += step) {
        const end = Math.min(row + step, rows);
        yield { group, first: head + row, rows: end - row, keys: n - rows + end };
      }
    }
  }
}

/** The arithmetic of a plan at every site: an engine for each distinct kind of operands. */
class MachineDatapath implements Datapath {
  readonly kernels: Kernels;
  readonly #gemm: Gemm;
  readonly #plan: DatapathPlan;
  readonly #calibration: Calibration | undefined;
  readonly #engines = new Map<string, Engine>();

  constructor(kernels: Kernels, gemm: Gemm, plan: DatapathPlan, calibration: Calibration | undefined) {
    this.kernels = kernels;
    this.#gemm = gemm;
    this.#plan = plan;
    this.#calibration = calibration;
  }

  get overflows(): number {
    return [...this.#engines.values()].reduce((sum, { overflows = 0 }) => sum + overflows, 0);
  }

  async prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Promise<PreparedWeight[]> {
    // Members with the same arithmetic are prepared together: SmoothQuant's factors are common to them.
    const prepared = new Map<Site, PreparedWeight>();
    for (const engine of new Set(group.map(({ site }) => this.#engine(site)))) {
      const members = group.filter(({ site }) => this.#engine(site) === engine);
      for (const [i, weight] of (await engine.prepare(members)).entries())
        prepared.set(members[i]!.site, weight);
    }
    return group.map(({ site }) => prepared.get(site)!);
  }

  async project(input: Matrix, projections: readonly Projection[]): Promise<void> {
    let encoded: { engine: Engine; operand: unknown } | undefined;
    const mark = this.kernels.mark();
    for (const projection of projections) {
      const engine = this.#engine(projection.site);
      if (encoded?.engine !== engine) {
        encoded = { engine, operand: engine.encode(projection.site, input, projection.weight) };
      }
      await engine.multiply(encoded.operand, projection);
      if (this.#requantizes(projection.site)) engine.requantize?.(projection);
    }
    this.kernels.release(mark);
  }

  async attend(attention: Attention): Promise<void> {
    const { kernels } = this;
    const { m, d, context } = attention;
    const parts = [...blocks(attention, this.#engine(attention.sv).wholeContexts ?? false)];
    const mark = kernels.mark();
    const scores = this.#engine(attention.qk).scores(attention);
    const contexts = this.#engine(attention.sv).context(attention);
    const room = kernels.floats(Math.max(...parts.map(({ rows, keys }) => rows * keys)));
    for (const block of parts) {
      const probabilities = room.subarray(0, block.rows * block.keys);
      const from = (block.group * m + block.first) * d;
      await scores(block, probabilities);
      attention.softmax(probabilities, block);
      await contexts(block, probabilities, context.subarray(from, from + block.rows * d));
    }
    kernels.release(mark);
  }

  #requantizes(site: Site): boolean {
    const arithmetic = arithmeticAt(this.#plan, site);
    return arithmetic.kind !== 'float' && arithmetic.requantize;
  }

  #engine(site: Site): Engine {
    const arithmetic = arithmeticAt(this.#plan, site);
    const key = JSON.stringify({ ...arithmetic, requantize: undefined });
    let engine = this.#engines.get(key);
    if (!engine) {
      engine = this.#create(arithmetic) as Engine;
      this.#engines.set(key, engine);
    }
    return engine;
  }

  #create(arithmetic: Arithmetic) {
    switch (arithmetic.kind) {
      case 'float':
        return new FloatEngine(this.kernels, this.#gemm, arithmetic);
      case 'integer':
        return new IntegerEngine(this.kernels, this.#gemm, arithmetic, this.#calibration);
      case 'scaled':
        return new ScaledEngine(this.kernels, this.#gemm, arithmetic, this.#calibration);
    }
  }
}

/**
 * A machine's way to compute, on this thread's kernels.
 *
 * @param calibration needed by plans with static scales or smoothing, see `needsCalibration`
 */
export function createDatapath(
  kernels: Kernels,
  gemm: Gemm,
  plan: DatapathPlan,
  calibration?: Calibration,
): Datapath {
  return new MachineDatapath(kernels, gemm, plan, calibration);
}
