import { loadPart, storePart } from './vector';

/**
 * Rotary position embedding, rotate-half: in each head of each row the pair (x[i], x[i + half]) turns by the angle of
 * row and i. `half` values of cosine and sine a row.
 */
export function rope(
  x: usize, cosine: usize, sine: usize, rows: usize, heads: usize, headSize: usize, half: usize,
): void {
  const whole = (half & ~3) << 2;
  const rest = half & 3;
  for (let r: usize = 0; r < rows; r++, cosine += half << 2, sine += half << 2) {
    for (let h: usize = 0; h < heads; h++, x += headSize << 2) {
      const y = x + (half << 2);
      for (let i: usize = 0; i < whole; i += 16) {
        const a = v128.load(x + i), b = v128.load(y + i);
        const c = v128.load(cosine + i), s = v128.load(sine + i);
        v128.store(x + i, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
        v128.store(y + i, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
      }
      if (rest) {
        const a = loadPart(x + whole, rest), b = loadPart(y + whole, rest);
        const c = loadPart(cosine + whole, rest), s = loadPart(sine + whole, rest);
        storePart(x + whole, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)), rest);
        storePart(y + whole, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)), rest);
      }
    }
  }
}
