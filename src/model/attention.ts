import type { ModelConfig } from './config.ts';
import type { Matrix } from './datapath.ts';
import type { Run } from './run.ts';

export interface AttentionOptions {
  /** A query sees only itself and what is before it. */
  causal: boolean;
  /** Positions that a query sees, itself included. */
  window?: number | undefined;
  /** ALiBi's slope of each head. */
  slopes?: readonly number[] | undefined;
  /** Works on queries [rows, heads · size] and keys [rows, keyValueHeads · size] before the products: rope, q/k norms. */
  prepare?(queries: Matrix, keys: Matrix): void;
}

/**
 * Multi-head attention with grouped key/value heads, from the normalised input x to the output of site `o`:
 * softmax(q kᵀ / √d + mask) v. Sites q, k, v, qk, sv, o.
 */
export async function selfAttention(
  run: Run<ModelConfig>,
  x: Matrix,
  options: AttentionOptions,
): Promise<Matrix> {
  const { kernels, config, rows, start } = run;
  const { heads, keyValueHeads: groups, headSize: d } = config;
  const layer = run.layer!.index;
  const [q, k, v] = (await run.project(x, 'q', 'k', 'v')) as [Matrix, Matrix, Matrix];
  options.prepare?.(q, k);

  const queries = kernels.floats(q.data.length);
  kernels.splitHeads(queries, q.data, { rows, heads, size: d });
  let keys = kernels.floats(k.data.length);
  let values = kernels.floats(v.data.length);
  kernels.splitHeads(keys, k.data, { rows, heads: groups, size: d });
  kernels.splitHeads(values, v.data, { rows, heads: groups, size: d });
  const n = start + rows;
  const { cache } = run.sequence;
  if (cache) {
    cache.append(layer, keys, values, rows);
    if (start > 0) {
      keys = kernels.floats(groups * n * d);
      values = kernels.floats(groups * n * d);
      cache.read(layer, n, keys, values);
    }
  }

  const context = kernels.floats(queries.length);
  const headsInGroup = heads / groups;
  await run.datapath.attend({
    qk: { name: 'qk', layer },
    sv: { name: 'sv', layer },
    queries,
    keys,
    values,
    groups,
    m: headsInGroup * rows,
    n,
    d,
    rows,
    causal: options.causal,
    softmax(scores, block) {
      // A block lies within one head or holds whole heads, of which each has a slope of its own.
      const span = Math.min(rows, block.rows);
      for (let row = 0; row < block.rows; row += span) {
        const head = block.group * headsInGroup + Math.floor((block.first + row) / rows);
        kernels.softmax(scores.subarray(row * block.keys, (row + span) * block.keys), block.keys, {
          scale: 1 / Math.sqrt(d),
          slope: options.slopes?.[head] ?? 0,
          first: options.causal ? start + (block.first % rows) : block.keys - 1,
          period: options.causal ? span : 1,
          ...(options.window === undefined ? {} : { window: options.window }),
        });
      }
    },
    context,
  });
  const merged = run.matrix(heads * d);
  kernels.mergeHeads(merged.data, context, { rows, heads, size: d });
  const [out] = (await run.project(merged, 'o')) as [Matrix];
  return out;
}
