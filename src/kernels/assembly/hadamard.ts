import { multiplyFloat32 } from './gemm-float32';
import { packRows } from './pack';

// The fast Walsh-Hadamard transform, level after level of butterflies (a + b, a - b) at distances 1, 2, 4, ...; two
// levels a pass, four in the first. Sums of pairs have one order only: how the passes are cut changes no bit.

/** Levels 1 and 2 of four values. */
@inline
function withinVector(v: v128): v128 {
  const odd = i32x4(0, <i32>0x80000000, 0, <i32>0x80000000);
  const upper = i32x4(0, 0, <i32>0x80000000, <i32>0x80000000);
  v = f32x4.add(i32x4.shuffle(v, v, 1, 0, 3, 2), v128.xor(v, odd));
  return f32x4.add(i32x4.shuffle(v, v, 2, 3, 0, 1), v128.xor(v, upper));
}

/** `scale` times the values first. `length` is a power of two. */
function transform(x: usize, length: usize, scale: f32): void {
  const factor = f32x4.splat(scale);
  const end = x + (length << 2);
  if (length < 16) {
    if (length == 1) store<f32>(x, load<f32>(x) * scale);
    else if (length == 2) {
      const a = load<f32>(x) * scale, b = load<f32>(x, 4) * scale;
      store<f32>(x, a + b);
      store<f32>(x, a - b, 4);
    } else {
      const a = withinVector(f32x4.mul(v128.load(x), factor));
      if (length == 4) v128.store(x, a);
      else {
        const b = withinVector(f32x4.mul(v128.load(x, 16), factor));
        v128.store(x, f32x4.add(a, b));
        v128.store(x, f32x4.sub(a, b), 16);
      }
    }
    return;
  }
  for (let p = x; p < end; p += 64) {
    const a = withinVector(f32x4.mul(v128.load(p), factor));
    const b = withinVector(f32x4.mul(v128.load(p, 16), factor));
    const c = withinVector(f32x4.mul(v128.load(p, 32), factor));
    const d = withinVector(f32x4.mul(v128.load(p, 48), factor));
    const ab = f32x4.add(a, b), AB = f32x4.sub(a, b), cd = f32x4.add(c, d), CD = f32x4.sub(c, d);
    v128.store(p, f32x4.add(ab, cd));
    v128.store(p, f32x4.add(AB, CD), 16);
    v128.store(p, f32x4.sub(ab, cd), 32);
    v128.store(p, f32x4.sub(AB, CD), 48);
  }
  // Distances in bytes.
  let h: usize = 64;
  for (; x + 4 * h <= end; h <<= 2) {
    for (let block = x; block < end; block += 4 * h) {
      for (let p = block; p < block + h; p += 16) {
        const q = p + h, r = q + h, s = r + h;
        const a = v128.load(p), b = v128.load(q), c = v128.load(r), d = v128.load(s);
        const ab = f32x4.add(a, b), AB = f32x4.sub(a, b), cd = f32x4.add(c, d), CD = f32x4.sub(c, d);
        v128.store(p, f32x4.add(ab, cd));
        v128.store(q, f32x4.add(AB, CD));
        v128.store(r, f32x4.sub(ab, cd));
        v128.store(s, f32x4.sub(AB, CD));
      }
    }
  }
  if (x + 2 * h <= end) {
    for (let p = x; p < x + h; p += 16) {
      const q = p + h;
      const a = v128.load(p), b = v128.load(q);
      v128.store(p, f32x4.add(a, b));
      v128.store(q, f32x4.sub(a, b));
    }
  }
}

/**
 * `count` runs of small · power values each, in place: scale · (S ⊗ W) x with the Walsh-Hadamard matrix W of order
 * `power` (a power of two) and S [small, small], entries ±1 (not read where small is 1). `packed`: small · power
 * values, power taken up to a multiple of 8; `spare`: 192 bytes.
 */
export function hadamard(
  x: usize, count: usize, matrix: usize, small: usize, power: usize, scale: f32, packed: usize, spare: usize,
): void {
  const row = power << 2;
  for (; count > 0; count--) {
    for (const end = x + small * row; x < end; x += row) transform(x, power, scale);
    if (small > 1) {
      const from = x - small * row;
      packRows(packed, small << 5, from, row, power, small);
      multiplyFloat32(from, row, matrix, small << 2, packed, small, power, small, spare);
    }
  }
}
