import { InputError } from '../errors.ts';
import type { PreparedWeight } from './datapath.ts';
import type { SiteName } from './site.ts';

export type BySite<T> = Partial<Record<SiteName, T>>;

export interface Projections {
  weights: BySite<PreparedWeight>;
  biases: BySite<Float32Array>;
}

/** What one layer keeps in memory. Plain data over SharedArrayBuffers. */
export interface LayerWeights extends Projections {
  index: number;
  vectors: Record<string, Float32Array>;
}

/** Rows of an embedding table by token. */
export interface Table {
  columns: number;
  gather(rows: ArrayLike<number>, out: Float32Array): Promise<void>;
}

/** What stands outside the layers. */
export interface FrameWeights {
  vectors: Record<string, Float32Array>;
  tables: Record<string, Table>;
  projections(): Promise<Projections>;
}

/** Where a model's weights come from: memory, or the checkpoint layer by layer. */
export interface WeightStore {
  readonly frame: FrameWeights;
  layer(index: number): Promise<LayerWeights>;
}

/** All weights of a model, prepared for one datapath: plain data that worker threads share. */
export interface ResidentWeights {
  frame: {
    vectors: Record<string, Float32Array>;
    tables: Record<string, ResidentTable>;
    projections: Projections;
  };
  layers: LayerWeights[];
}

export interface ResidentTable {
  data: Float32Array;
  columns: number;
}

/** A store over weights in memory. */
export function residentStore(weights: ResidentWeights): WeightStore {
  const tables: Record<string, Table> = {};
  for (const [name, { data, columns }] of Object.entries(weights.frame.tables)) {
    tables[name] = {
      columns,
      gather: async (indices, out) => {
        for (let i = 0; i < indices.length; i++) {
          const row = checkRow(indices[i]!, data.length / columns);
          out.set(data.subarray(row * columns, (row + 1) * columns), i * columns);
        }
      },
    };
  }
  const { vectors, projections } = weights.frame;
  return {
    frame: { vectors, tables, projections: async () => projections },
    layer: async (index) => weights.layers[index]!,
  };
}

/** Throws InputError for a row that an embedding table does not have. */
export function checkRow(row: number, rows: number): number {
  if (row >= 0 && row < rows) return row;
  throw new InputError(`token or position ${row} lies outside the embedding table of ${rows} rows`, {
    note: 'the tokenizer belongs to another model, or the text is longer than the context',
  });
}
