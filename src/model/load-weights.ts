import type { Checkpoint } from '../checkpoint/index.ts';
import type { Architecture } from './architecture.ts';
import type { ModelConfig } from './config.ts';
import type { Datapath, PreparedWeight } from './datapath.ts';
import type { Pick, ProjectionPlan, VectorPlan, WeightPlan } from './plan.ts';
import { TensorReader } from './read-tensor.ts';
import {
  type BySite,
  checkRow,
  type FrameWeights,
  type LayerWeights,
  type Projections,
  type ResidentTable,
  type ResidentWeights,
  type Table,
  type WeightStore,
} from './weights.ts';

/** What a loader needs of a datapath. */
type Preparer = { readonly [Key in 'kernels' | 'prepare']: Datapath[Key] };

/** Reads and prepares the tensors of weight plans. */
export class WeightLoader<C extends ModelConfig> {
  readonly #reader: TensorReader;
  readonly #datapath: Preparer;
  readonly #architecture: Architecture<C>;
  readonly #config: C;

  constructor(checkpoint: Checkpoint, datapath: Preparer, architecture: Architecture<C>, config: C) {
    this.#reader = new TensorReader(
      checkpoint,
      datapath.kernels,
      (name) => architecture.aliases?.(name) ?? [],
    );
    this.#datapath = datapath;
    this.#architecture = architecture;
    this.#config = config;
  }

  async layer(index: number): Promise<LayerWeights> {
    const plan = this.#architecture.layer(this.#config, index);
    const cache = new Map<string, Float32Array>();
    return {
      index,
      vectors: await this.#vectors(plan, cache),
      ...(await this.#projections(plan, index, cache)),
    };
  }

  /** All weights, for machines whose memory holds them. */
  async resident(onLayer?: (done: number, total: number) => void): Promise<ResidentWeights> {
    const frame = await this.frame();
    const layers: LayerWeights[] = [];
    for (let index = 0; index < this.#config.layers; index++) {
      layers.push(await this.layer(index));
      onLayer?.(index + 1, this.#config.layers);
    }
    return { frame, layers };
  }

  /** What stands outside the layers. */
  async frame(): Promise<ResidentWeights['frame']> {
    const plan = this.#architecture.frame(this.#config);
    // Tied embeddings: the table and the head share one tensor, read once.
    const cache = new Map<string, Float32Array>();
    const tables: Record<string, ResidentTable> = {};
    for (const [name, { tensor, rows, columns }] of Object.entries(plan.tables)) {
      tables[name] = { data: await this.#tensor(tensor, [rows, columns], cache), columns };
    }
    return {
      vectors: await this.#vectors(plan, cache),
      tables,
      projections: await this.#projections(plan, undefined, cache),
    };
  }

  /** Prepares every weight once and keeps none: for datapaths that only look. */
  async visit(onLayer?: (done: number, total: number) => void): Promise<void> {
    await this.#projections(this.#architecture.frame(this.#config), undefined, new Map());
    for (let index = 0; index < this.#config.layers; index++) {
      await this.layer(index);
      onLayer?.(index + 1, this.#config.layers);
    }
  }

  /** A store that reads each layer when the model comes to it, and keeps no more than one. */
  async streaming(): Promise<WeightStore> {
    const plan = this.#architecture.frame(this.#config);
    const tables: Record<string, Table> = {};
    for (const [name, { tensor, rows, columns }] of Object.entries(plan.tables)) {
      const shape = [rows, columns];
      tables[name] = {
        columns,
        gather: async (indices, out) => {
          for (let i = 0; i < indices.length; i++) {
            const row = checkRow(indices[i]!, rows);
            out.set(await this.#reader.read(tensor, shape, { from: row, to: row + 1 }), i * columns);
          }
        },
      };
    }
    let held: { key: number; value: unknown } | undefined;
    const keep = async <T>(key: number, load: () => Promise<T>): Promise<T> => {
      if (held?.key !== key) {
        // Dropped before the next is read, so that only one is in memory.
        held = undefined;
        held = { key, value: await load() };
      }
      return held.value as T;
    };
    const frame: FrameWeights = {
      vectors: await this.#vectors(plan, new Map()),
      tables,
      projections: () => keep(-1, () => this.#projections(plan, undefined, new Map())),
    };
    return { frame, layer: (index) => keep(index, () => this.layer(index)) };
  }

  async #vectors(plan: WeightPlan, cache: Map<string, Float32Array>): Promise<Record<string, Float32Array>> {
    const vectors: Record<string, Float32Array> = {};
    for (const [name, vector] of Object.entries(plan.vectors))
      vectors[name] = await this.#vector(vector, cache);
    return vectors;
  }

  async #vector(plan: VectorPlan, cache: Map<string, Float32Array>): Promise<Float32Array> {
    return pickRows(
      await this.#tensor(plan.tensor, [plan.pick?.total ?? plan.length], cache),
      1,
      plan.length,
      plan.pick,
    );
  }

  async #projections(
    plan: WeightPlan,
    layer: number | undefined,
    cache: Map<string, Float32Array>,
  ): Promise<Projections> {
    const weights: BySite<PreparedWeight> = {};
    const biases: BySite<Float32Array> = {};
    for (const group of plan.projections) {
      const members = [];
      for (const projection of group) {
        const { site, outputs, inputs, bias } = projection;
        members.push({
          site: { name: site, layer },
          weight: { data: await this.#weight(projection, cache), outputs, inputs },
        });
        if (bias) biases[site] = await this.#vector(bias, cache);
      }
      const prepared = await this.#datapath.prepare(members);
      for (const [i, { site }] of group.entries()) weights[site] = prepared[i]!;
    }
    return { weights, biases };
  }

  async #weight(plan: ProjectionPlan, cache: Map<string, Float32Array>): Promise<Float32Array> {
    const { tensor, outputs, inputs, pick } = plan;
    const total = pick?.total ?? outputs;
    if (!plan.inputsFirst)
      return pickRows(await this.#tensor(tensor, [total, inputs], cache), inputs, outputs, pick);
    // Sites that share a fused tensor share its transpose.
    const key = `${tensor} transposed`;
    const turned =
      cache.get(key) ?? this.#transposed(await this.#tensor(tensor, [inputs, total], cache), inputs, total);
    cache.set(key, turned);
    return pickRows(turned, inputs, outputs, pick);
  }

  #transposed(data: Float32Array, rows: number, columns: number): Float32Array {
    const { kernels } = this.#datapath;
    const mark = kernels.mark();
    const turned = kernels.floats(data.length);
    kernels.transpose(turned, kernels.load(data), rows, columns);
    const out = new Float32Array(new SharedArrayBuffer(data.length * 4));
    out.set(turned);
    kernels.release(mark);
    return out;
  }

  async #tensor(name: string, shape: number[], cache: Map<string, Float32Array>): Promise<Float32Array> {
    let data = cache.get(name);
    if (!data) {
      data = await this.#reader.read(name, shape);
      cache.set(name, data);
    }
    return data;
  }
}

function pickRows(data: Float32Array, rowLength: number, rows: number, pick: Pick | undefined): Float32Array {
  if (!pick) return data;
  const out = new Float32Array(new SharedArrayBuffer(rows * rowLength * 4));
  for (let row = 0; row < rows; row++) {
    const from = pick.row(row) * rowLength;
    out.set(data.subarray(from, from + rowLength), row * rowLength);
  }
  return out;
}
