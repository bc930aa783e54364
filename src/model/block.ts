import type { Matrix } from './datapath.ts';
import type { Run } from './run.ts';

type Sublayer = (x: Matrix) => Promise<Matrix>;
type Norm = 'layerNorm' | 'rmsNorm';

/** A layer with its norms in front: h += attention(norm(h)); h += feedForward(norm(h)). */
export async function normFirstBlock(
  run: Run,
  hidden: Matrix,
  norm: Norm,
  attention: Sublayer,
  feedForward: Sublayer,
): Promise<void> {
  const x = run[norm]('attention_norm', hidden, run.matrix(hidden.columns));
  run.kernels.add(hidden.data, (await attention(x)).data);
  run[norm]('feed_forward_norm', hidden, x);
  run.kernels.add(hidden.data, (await feedForward(x)).data);
}

/** A layer with its norms behind: h = norm(h + attention(h)); h = norm(h + feedForward(h)). */
export async function normLastBlock(
  run: Run,
  hidden: Matrix,
  norm: Norm,
  attention: Sublayer,
  feedForward: Sublayer,
): Promise<void> {
  run.kernels.add(hidden.data, (await attention(hidden)).data);
  run[norm]('attention_norm', hidden);
  run.kernels.add(hidden.data, (await feedForward(hidden)).data);
  run[norm]('feed_forward_norm', hidden);
}
