import type { Kernels } from '../kernels/index.ts';
import type { Activation } from './config.ts';
import type { Matrix } from './datapath.ts';
import type { Run } from './run.ts';

/** Which kernel computes an activation function: several names mean the tanh form of GELU. */
const KERNEL = {
  gelu: 'gelu',
  gelu_fast: 'geluTanh',
  gelu_new: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
  tanh: 'tanh',
} as const satisfies Record<Activation, keyof Kernels>;

/** fc2(activation(fc1(x))). */
export async function feedForward(run: Run, x: Matrix, activation: Activation): Promise<Matrix> {
  const [inner] = (await run.project(x, 'fc1')) as [Matrix];
  run.kernels[KERNEL[activation]](inner.data);
  const [out] = (await run.project(inner, 'fc2')) as [Matrix];
  return out;
}

/** down(activation(gate(x)) · up(x)), as LLaMA's SwiGLU. */
export async function gatedFeedForward(run: Run, x: Matrix, activation: Activation): Promise<Matrix> {
  const [gate, up] = (await run.project(x, 'gate', 'up')) as [Matrix, Matrix];
  run.kernels[KERNEL[activation]](gate.data);
  run.kernels.multiply(gate.data, up.data);
  const [out] = (await run.project(gate, 'down')) as [Matrix];
  return out;
}
