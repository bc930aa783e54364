import type { Kernels } from '../kernels/index.ts';
import type { Activation } from './config.ts';
import type { Matrix } from './datapath.ts';
import type { Run } from './run.ts';

/** Applies an activation function in place. */
export function activate(kernels: Kernels, name: Activation, x: Float32Array): void {
  switch (name) {
    case 'relu':
      return kernels.relu(x);
    case 'gelu':
      return kernels.gelu(x);
    case 'gelu_new':
    case 'gelu_fast':
    case 'gelu_pytorch_tanh':
      return kernels.geluTanh(x);
    case 'silu':
    case 'swish':
      return kernels.silu(x);
    case 'tanh':
      return kernels.tanh(x);
  }
}

/** fc2(activation(fc1(x))). */
export async function feedForward(run: Run, x: Matrix, activation: Activation): Promise<Matrix> {
  const [inner] = (await run.project(x, 'fc1')) as [Matrix];
  activate(run.kernels, activation, inner.data);
  const [out] = (await run.project(inner, 'fc2')) as [Matrix];
  return out;
}

/** down(activation(gate(x)) · up(x)), as LLaMA's SwiGLU. */
export async function gatedFeedForward(run: Run, x: Matrix, activation: Activation): Promise<Matrix> {
  const [gate, up] = (await run.project(x, 'gate', 'up')) as [Matrix, Matrix];
  activate(run.kernels, activation, gate.data);
  run.kernels.multiply(gate.data, up.data);
  const [out] = (await run.project(gate, 'down')) as [Matrix];
  return out;
}
