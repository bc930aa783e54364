// Which sums of integer products leave int32: a bound for each row, and the sums again in float64 where it does not do.
// Lists of outliers as in outliers.ts.

/** bounds[r] = Σ_i |A[r, i]| · largest[i] in float32, rounded: up to k · 2^-24 of it too small. */
export function boundRows(
  bounds: usize, codes: usize, starts: usize, columns: usize, values: usize, largest: usize, m: usize, k: usize,
): void {
  const offset = i16x8.splat(128);
  for (let r: usize = 0; r < m; r++, bounds += 4, starts += 4) {
    let sums = f32x4.splat(0);
    let p = largest;
    for (const end = codes + (k & ~7); codes < end; codes += 8, p += 32) {
      const v = i16x8.abs(i16x8.sub(v128.load8x8_u(codes), offset));
      const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v));
      const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v));
      sums = f32x4.add(sums, f32x4.mul(low, v128.load(p)));
      sums = f32x4.add(sums, f32x4.mul(high, v128.load(p, 16)));
    }
    let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1)
      + f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
    for (const end = codes + (k & 7); codes < end; codes++, p += 4) {
      sum += <f32>abs(<i32>load<u8>(codes) - 128) * load<f32>(p);
    }
    for (let left = load<u32>(starts, 4) - load<u32>(starts); left > 0; left--, columns += 4, values += 4) {
      sum += <f32>abs(load<i32>(values)) * load<f32>(largest + (<usize>load<u32>(columns) << 2));
    }
    store<f32>(bounds, sum);
  }
}

/** out [k] = a row of codes + 128 and `count` outliers as float32. */
export function widenRow(out: usize, codes: usize, columns: usize, values: usize, count: usize, k: usize): void {
  for (let i: usize = 0; i < k; i++) store<f32>(out + (i << 2), <f32>(<i32>load<u8>(codes + i) - 128));
  for (let i: usize = 0; i < count; i++, columns += 4, values += 4) {
    store<f32>(out + (<usize>load<u32>(columns) << 2), <f32>load<i32>(values));
  }
}

/** Panels of 8 columns, float32, of B [k, n] (int8 codes, rows `step` bytes apart) with its outliers; see pack.ts. */
export function packIntegers(
  out: usize, b: usize, step: usize, starts: usize, columns: usize, values: usize, n: usize, k: usize,
): void {
  for (let j: usize = 0; j < n; j += 8, b += 8, out += k << 5) {
    const width = min(8, n - j);
    let from = b, to = out;
    for (let i: usize = 0; i < k; i++, from += step, to += 32) {
      for (let c: usize = 0; c < 8; c++) store<f32>(to + (c << 2), c < width ? <f32>load<i8>(from + c) : 0);
    }
    for (let c: usize = 0; c < width; c++, starts += 4) {
      for (let left = load<u32>(starts, 4) - load<u32>(starts); left > 0; left--, columns += 4, values += 4) {
        store<f32>(out + (<usize>load<u32>(columns) << 5) + (c << 2), <f32>load<i32>(values));
      }
    }
  }
}

/**
 * How many of the `n` sums are not the int32 beside them: they differ by a multiple of 2^32, so that a float32 of the
 * sum (right to 2^-24 of it, and no sum reaches 2^54) tells.
 */
export function countWrapped(sums: usize, wrapped: usize, n: usize): usize {
  let count: usize = 0;
  for (let i: usize = 0; i < n; i++, sums += 4, wrapped += 4) {
    count += abs(<f64>load<f32>(sums) - <f64>load<i32>(wrapped)) > 2147483648.0 ? 1 : 0;
  }
  return count;
}
