// Vectors of four float32 whose last ones may be missing: the tail of a row of any length goes through the same
// arithmetic as its body.

/**
 * Four copies of a constant that stands in memory (`memory.data`). V8 builds a literal vector out of immediates anew in
 * every turn of a loop, three shuffles each; a load costs a third of that on ports that arithmetic does not need.
 */
@inline
export function constant(address: usize): v128 {
  return v128.load32_splat(address);
}

/** The first `count` (1..3) of four floats at `p`; the others are +0. Reads no byte beyond them. */
export function loadPart(p: usize, count: usize): v128 {
  if (count == 1) return v128.load32_zero(p);
  const pair = v128.load64_zero(p);
  return count == 2 ? pair : v128.load32_lane(p, pair, 2, 8);
}

/** Writes the first `count` (1..3) floats of `v`, and no byte more. */
export function storePart(p: usize, v: v128, count: usize): void {
  if (count == 1) {
    v128.store32_lane(p, v, 0);
    return;
  }
  v128.store64_lane(p, v, 0);
  if (count == 3) v128.store32_lane(p, v, 2, 8);
}

/** All ones in the first `count` lanes. */
@inline
export function partMask(count: usize): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>count));
}

/** `count` (1..3) floats at `p`, the missing lanes from `rest`. */
@inline
export function loadPartOr(p: usize, count: usize, rest: v128): v128 {
  return v128.bitselect(loadPart(p, count), rest, partMask(count));
}

/** Sum of the lanes, as (0 + 2) + (1 + 3). */
@inline
export function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Largest lane; a NaN loses against any number. */
@inline
export function maxLanes(v: v128): f32 {
  const pairs = f32x4.pmax(i32x4.shuffle(v, v, 2, 3, 0, 1), v);
  return f32x4.extract_lane(f32x4.pmax(i32x4.shuffle(pairs, pairs, 1, 0, 3, 2), pairs), 0);
}

/**
 * Largest lane of four |x|, as a float. Bits of non-negative floats order as integers, with NaN above infinity: one
 * integer maximum finds the largest and keeps a NaN.
 */
@inline
export function maxAbsLanes(v: v128): f32 {
  const pairs = i32x4.max_s(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  return reinterpret<f32>(max(i32x4.extract_lane(pairs, 0), i32x4.extract_lane(pairs, 1)));
}
