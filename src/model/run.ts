import type { Kernels } from '../kernels/index.ts';
import type { KeyValueCache } from './cache.ts';
import type { ModelConfig } from './config.ts';
import type { Datapath, Matrix } from './datapath.ts';
import type { SiteName } from './site.ts';
import type { FrameWeights, LayerWeights } from './weights.ts';

/** What a model is given: token ids, and for encoders the segment of each (0 or 1). */
export interface Sequence {
  tokens: ArrayLike<number>;
  types?: ArrayLike<number> | undefined;
  /** Keys and values of the tokens before these; the run appends its own. */
  cache?: KeyValueCache | undefined;
}

/** One sequence on its way through one layer: what an architecture needs to compute. */
export class Run<C extends ModelConfig = ModelConfig> {
  readonly config: C;
  readonly datapath: Datapath;
  readonly kernels: Kernels;
  readonly sequence: Sequence;
  readonly frame: FrameWeights;
  /** The layer under way; undefined in `embed` and `finish`. */
  readonly layer: LayerWeights | undefined;

  constructor(config: C, datapath: Datapath, sequence: Sequence, frame: FrameWeights, layer?: LayerWeights) {
    this.config = config;
    this.datapath = datapath;
    this.kernels = datapath.kernels;
    this.sequence = sequence;
    this.frame = frame;
    this.layer = layer;
  }

  get rows(): number {
    return this.sequence.tokens.length;
  }

  /** Position of the first token. */
  get start(): number {
    return this.sequence.cache?.length ?? 0;
  }

  /** An uninitialised matrix in the kernel memory. */
  matrix(columns: number, rows = this.rows): Matrix {
    return { data: this.kernels.floats(rows * columns), rows, columns };
  }

  /** hidden += the learned embeddings of the rows' positions, of which the table's row `first` is position 0. */
  async addPositions(hidden: Matrix, first = 0): Promise<void> {
    const learned = this.matrix(hidden.columns);
    const indices = Array.from({ length: this.rows }, (_, row) => first + this.start + row);
    await this.frame.tables.positions!.gather(indices, learned.data);
    this.kernels.add(hidden.data, learned.data);
  }

  /** A norm's gain or another vector of the layer, or of the frame where there is none. */
  vector(name: string): Float32Array {
    const vector = (this.layer ?? this.frame).vectors[name];
    if (!vector) throw new Error(`no vector "${name}"`);
    return vector;
  }

  /** Outputs of sites that share the input x. */
  async project(x: Matrix, ...names: SiteName[]): Promise<Matrix[]> {
    const layer = this.layer;
    const { weights, biases } = layer ?? (await this.frame.projections());
    const outputs = names.map((name) => this.matrix(weights[name]!.outputs, x.rows));
    await this.datapath.project(
      x,
      names.map((name, i) => ({
        site: { name, layer: layer?.index },
        weight: weights[name]!,
        bias: biases[name],
        output: outputs[i]!,
      })),
    );
    return outputs;
  }

  /** out = LayerNorm(x) with `${name}.gain` and `${name}.bias`; in place unless `out` is given. */
  layerNorm(name: string, x: Matrix, out = x): Matrix {
    this.kernels.layerNorm(
      out.data,
      x.data,
      this.vector(`${name}.gain`),
      this.vector(`${name}.bias`),
      this.config.epsilon,
    );
    return out;
  }

  /** out = RMSNorm(x) with `${name}.gain`; in place unless `out` is given. */
  rmsNorm(name: string, x: Matrix, out = x): Matrix {
    this.kernels.rmsNorm(out.data, x.data, this.vector(`${name}.gain`), this.config.epsilon);
    return out;
  }
}
