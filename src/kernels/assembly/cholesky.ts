// M with A = Mᵀ M, M lower triangular, in float64: Cholesky's factorisation taken from the last row up. Row j of M is then
// what the columns before j add to column j (see GPTQ), and every step works along rows.

/** Rows factored at a time. */
const BLOCK: usize = 64;
/** Bytes of a strip: four columns of a block. */
const STRIP: usize = BLOCK * 32;
/** Strips that stay in the first-level cache while the others pass. */
const NEAR: usize = 8;

/** x[0..length] -= factor · y[0..length]. */
@inline
function subtractRow(x: usize, y: usize, factor: f64, length: usize): void {
  const f = f64x2.splat(factor);
  const end = x + ((length & ~3) << 3);
  for (; x < end; x += 32, y += 32) {
    v128.store(x, f64x2.sub(v128.load(x), f64x2.mul(f, v128.load(y))));
    v128.store(x, f64x2.sub(v128.load(x, 16), f64x2.mul(f, v128.load(y, 16))), 16);
  }
  for (const last = x + ((length & 3) << 3); x < last; x += 8, y += 8) {
    store<f64>(x, load<f64>(x) - factor * load<f64>(y));
  }
}

/** Rows [from, to) of M, of which only what stands left of `to` is touched. -1, or the first row without a root. */
function factorBlock(a: usize, pitch: usize, from: usize, to: usize): i32 {
  for (let k = to; k > from; ) {
    k--;
    const row = a + k * pitch;
    const pivot = load<f64>(row + (k << 3));
    // NaN fails too.
    if (!(pivot > 0 && pivot < Infinity)) return <i32>k;
    const root = Math.sqrt(pivot);
    store<f64>(row + (k << 3), root);
    const reciprocal = 1 / root;
    for (let p = row; p < row + (k << 3); p += 8) store<f64>(p, load<f64>(p) * reciprocal);
    for (let i = from; i < k; i++) subtractRow(a + i * pitch, row, load<f64>(row + (i << 3)), i + 1);
  }
  return -1;
}

/** A 4 x 4 tile of C -= leftᵀ · right, both strips of `depth` rows. */
function subtractTile(c: usize, pitch: usize, left: usize, right: usize, depth: usize): void {
  const p1 = c + pitch, p2 = p1 + pitch, p3 = p2 + pitch;
  let c00 = v128.load(c), c01 = v128.load(c, 16);
  let c10 = v128.load(p1), c11 = v128.load(p1, 16);
  let c20 = v128.load(p2), c21 = v128.load(p2, 16);
  let c30 = v128.load(p3), c31 = v128.load(p3, 16);
  for (const end = right + (depth << 5); right < end; right += 32, left += 32) {
    const b0 = v128.load(right), b1 = v128.load(right, 16);
    let s = v128.load64_splat(left);
    c00 = f64x2.sub(c00, f64x2.mul(s, b0)); c01 = f64x2.sub(c01, f64x2.mul(s, b1));
    s = v128.load64_splat(left, 8);
    c10 = f64x2.sub(c10, f64x2.mul(s, b0)); c11 = f64x2.sub(c11, f64x2.mul(s, b1));
    s = v128.load64_splat(left, 16);
    c20 = f64x2.sub(c20, f64x2.mul(s, b0)); c21 = f64x2.sub(c21, f64x2.mul(s, b1));
    s = v128.load64_splat(left, 24);
    c30 = f64x2.sub(c30, f64x2.mul(s, b0)); c31 = f64x2.sub(c31, f64x2.mul(s, b1));
  }
  v128.store(c, c00); v128.store(c, c01, 16);
  v128.store(p1, c10); v128.store(p1, c11, 16);
  v128.store(p2, c20); v128.store(p2, c21, 16);
  v128.store(p3, c30); v128.store(p3, c31, 16);
}

/**
 * The lower triangle of A [n, n], symmetric and positive definite, becomes M; what stands above it is lost. -1, or the row
 * at which A turns out not to be positive definite. `spare`: n · 512 bytes.
 */
export function cholesky(a: usize, n: usize, spare: usize): i32 {
  const pitch = n << 3;
  for (let to = n; to > 0; ) {
    // Blocks start at multiples of BLOCK, so that what is left of one is whole strips.
    const from = ((to - 1) / BLOCK) * BLOCK;
    const failed = factorBlock(a, pitch, from, to);
    if (failed >= 0) return failed;
    const depth = to - from;
    const strips = from >> 2;
    for (let s: usize = 0, at = spare; s < strips; s++, at += STRIP) {
      let row = a + from * pitch + (s << 5);
      for (let p = at; p < at + (depth << 5); p += 32, row += pitch) {
        v128.store(p, v128.load(row));
        v128.store(p, v128.load(row, 16), 16);
      }
    }
    for (let near: usize = 0; near < strips; near += NEAR) {
      const end = min(near + NEAR, strips);
      for (let s: usize = 0; s < end; s++) {
        for (let r = max(near, s); r < end; r++) {
          subtractTile(a + (r << 2) * pitch + (s << 5), pitch, spare + r * STRIP, spare + s * STRIP, depth);
        }
      }
    }
    to = from;
  }
  return -1;
}

/** out[b] = x[order[b]] in float64, b < count. */
export function gatherRow(out: usize, x: usize, order: usize, count: usize): void {
  for (const end = out + (count << 3); out < end; out += 8, order += 4) {
    store<f64>(out, <f64>load<f32>(x + (<usize>load<u32>(order) << 2)));
  }
}

/** out[r, c] = m[row + r, first + c] / m[row + r, row + r], rounded to float32; m is [n, n]. */
export function unitRows(
  out: usize, m: usize, n: usize, row: usize, rows: usize, first: usize, columns: usize,
): void {
  for (let r = row; r < row + rows; r++) {
    const diagonal = load<f64>(m + ((r * n + r) << 3));
    let p = m + ((r * n + first) << 3);
    for (const end = p + (columns << 3); p < end; p += 8, out += 4) {
      store<f32>(out, <f32>(load<f64>(p) / diagonal));
    }
  }
}
