import { exp, normalCdf, tanhVector } from './exponential';
import { constant, loadPart, storePart } from './vector';

// Activation functions over `length` floats at `x`, in place.

@inline
function reluVector(v: v128): v128 {
  // pmax(v, 0) keeps a NaN: 0 wins only if v < 0.
  return f32x4.pmax(v, f32x4.splat(0));
}

export function relu(x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, reluVector(v128.load(x)));
  if (length & 3) storePart(x, reluVector(loadPart(x, length & 3)), length & 3);
}

@inline
function geluVector(v: v128): v128 {
  return f32x4.mul(v, normalCdf(v));
}

export function gelu(x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, geluVector(v128.load(x)));
  if (length & 3) storePart(x, geluVector(loadPart(x, length & 3)), length & 3);
}

const ONE = memory.data<f32>([1]);
const CUBIC = memory.data<f32>([0.044715]);
/** -2 √(2/π) */
const OUTER = memory.data<f32>([-1.59576912160573071176]);

/** x / (1 + e^-y) */
@inline
function gated(v: v128, minusY: v128): v128 {
  return f32x4.div(v, f32x4.add(constant(ONE), exp(minusY)));
}

/** x (1 + tanh u) / 2 = x / (1 + e^-2u), u = √(2/π) (x + 0.044715 x³). */
@inline
function geluTanhVector(v: v128): v128 {
  const cubic = f32x4.add(f32x4.mul(f32x4.mul(v, v), constant(CUBIC)), constant(ONE));
  return gated(v, f32x4.mul(f32x4.mul(v, cubic), constant(OUTER)));
}

export function geluTanh(x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, geluTanhVector(v128.load(x)));
  if (length & 3) storePart(x, geluTanhVector(loadPart(x, length & 3)), length & 3);
}

export function tanh(x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) v128.store(x, tanhVector(v128.load(x)));
  if (length & 3) storePart(x, tanhVector(loadPart(x, length & 3)), length & 3);
}

export function silu(x: usize, length: usize): void {
  const end = x + ((length & ~3) << 2);
  for (; x < end; x += 16) {
    const v = v128.load(x);
    v128.store(x, gated(v, f32x4.neg(v)));
  }
  if (length & 3) {
    const v = loadPart(x, length & 3);
    storePart(x, gated(v, f32x4.neg(v)), length & 3);
  }
}
