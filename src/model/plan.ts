import type { SiteName } from './site.ts';

/** A vector kept in float32: a norm's gain, a bias. */
export interface VectorPlan {
  tensor: string;
  length: number;
  /** Tensor row that holds element i, where the checkpoint fuses or interleaves several vectors. */
  pick?: Pick | undefined;
}

/** Row of the fused tensor (of `total` rows) that holds row i of this part. */
export interface Pick {
  total: number;
  row(index: number): number;
}

/** A table whose rows are looked up: token and position embeddings. */
export interface TablePlan {
  tensor: string;
  rows: number;
  columns: number;
}

/** The weight of a GEMM site. */
export interface ProjectionPlan {
  site: SiteName;
  tensor: string;
  outputs: number;
  inputs: number;
  bias?: VectorPlan | undefined;
  /** The checkpoint stores [inputs, outputs] (GPT-2's Conv1D) instead of [outputs, inputs]. */
  inputsFirst?: boolean | undefined;
  pick?: Pick | undefined;
}

/** The tensors of one layer, or of everything outside the layers. */
export interface WeightPlan {
  vectors: Record<string, VectorPlan>;
  tables: Record<string, TablePlan>;
  /** Sites that share an input stand together. */
  projections: ProjectionPlan[][];
}

/** The gain and bias of a LayerNorm, under `${name}.gain` and `${name}.bias`. */
export function normPlan(name: string, tensor: string, length: number): Record<string, VectorPlan> {
  return {
    [`${name}.gain`]: { tensor: `${tensor}.weight`, length },
    [`${name}.bias`]: { tensor: `${tensor}.bias`, length },
  };
}

/** The weight `${tensor}.weight` of a site and, unless `bias` is false, `${tensor}.bias`. */
export function projectionPlan(
  site: SiteName,
  tensor: string,
  outputs: number,
  inputs: number,
  { bias = true, inputsFirst, pick }: { bias?: boolean; inputsFirst?: boolean; pick?: Pick | undefined } = {},
): ProjectionPlan {
  return {
    site,
    tensor: `${tensor}.weight`,
    outputs,
    inputs,
    bias: bias ? { tensor: `${tensor}.bias`, length: outputs, pick } : undefined,
    inputsFirst,
    pick,
  };
}

/** The six weights of most layers; q, k and v share an input. `projection` names each site's tensor. */
export function layerProjections(
  { hidden, intermediate }: { hidden: number; intermediate: number },
  projection: (
    site: 'q' | 'k' | 'v' | 'o' | 'fc1' | 'fc2',
    outputs: number,
    inputs: number,
  ) => ProjectionPlan,
): ProjectionPlan[][] {
  return [
    [projection('q', hidden, hidden), projection('k', hidden, hidden), projection('v', hidden, hidden)],
    [projection('o', hidden, hidden)],
    [projection('fc1', intermediate, hidden)],
    [projection('fc2', hidden, intermediate)],
  ];
}
