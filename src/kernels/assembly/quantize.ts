import { absMax } from './reduce';
import { constant, loadPart, storePart } from './vector';

// Symmetric int8: code = clamp(round-half-even(x / scale), -127, 127). NaN becomes 0.

const LARGEST = memory.data<f32>([127]);
const SMALLEST = memory.data<f32>([-127]);

/** Four codes as int32. */
@inline
function codes(v: v128, scale: v128): v128 {
  const rounded = f32x4.nearest(f32x4.div(v, scale));
  const number = v128.and(rounded, f32x4.eq(rounded, rounded));
  // In range and no NaN, where the relaxed conversion is exact on every machine.
  return i32x4.relaxed_trunc_f32x4_s(f32x4.pmin(f32x4.pmax(number, constant(SMALLEST)), constant(LARGEST)));
}

/** Sixteen bytes of codes; `flip` 0x80 turns a code into code + 128. */
@inline
function bytes(a: v128, b: v128, c: v128, d: v128, flip: v128): v128 {
  const low = i16x8.narrow_i32x4_s(a, b);
  return v128.xor(i8x16.narrow_i16x8_s(low, i16x8.narrow_i32x4_s(c, d)), flip);
}

function quantizeBytes(out: usize, x: usize, length: usize, factor: f32, offset: i32): void {
  const scale = f32x4.splat(factor);
  const flip = i8x16.splat(<i8>offset);
  for (const end = out + (length & ~15); out < end; out += 16, x += 64) {
    const a = codes(v128.load(x), scale), b = codes(v128.load(x, 16), scale);
    const c = codes(v128.load(x, 32), scale), d = codes(v128.load(x, 48), scale);
    v128.store(out, bytes(a, b, c, d, flip));
  }
  for (const end = out + (length & 12); out < end; out += 4, x += 16) {
    const a = codes(v128.load(x), scale);
    v128.store32_lane(out, bytes(a, a, a, a, flip), 0);
  }
  const rest = length & 3;
  if (rest) {
    const a = codes(loadPart(x, rest), scale);
    const b = bytes(a, a, a, a, flip);
    v128.store8_lane(out, b, 0);
    if (rest > 1) v128.store8_lane(out, b, 1, 1);
    if (rest > 2) v128.store8_lane(out, b, 2, 2);
  }
}

/** What a row's own scale is: it maps the largest |x| to 127, and a row of zeros to a scale that is not 0. */
@inline
function rowScale(x: usize, columns: usize): f32 {
  return max<f32>(absMax(x, columns), 1e-5) / 127;
}

/** codes + offset; offset 0 or 128. */
export function quantize(out: usize, x: usize, length: usize, scale: f32, offset: i32): void {
  quantizeBytes(out, x, length, scale, offset);
}

export function quantizeRows(
  out: usize, scales: usize, x: usize, rows: usize, columns: usize, offset: i32,
): void {
  for (let r: usize = 0; r < rows; r++, x += columns << 2, out += columns) {
    const scale = rowScale(x, columns);
    store<f32>(scales + (r << 2), scale);
    quantizeBytes(out, x, columns, scale, offset);
  }
}

@inline
function carried(v: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(codes(v, scale)), scale);
}

/** x -> code · scale. */
export function fakeQuantize(x: usize, length: usize, factor: f32): void {
  const scale = f32x4.splat(factor);
  for (const end = x + ((length & ~3) << 2); x < end; x += 16) v128.store(x, carried(v128.load(x), scale));
  if (length & 3) storePart(x, carried(loadPart(x, length & 3), scale), length & 3);
}

export function fakeQuantizeRows(x: usize, rows: usize, columns: usize): void {
  for (let r: usize = 0; r < rows; r++, x += columns << 2) fakeQuantize(x, columns, rowScale(x, columns));
}

@inline
function scaled(sums: v128, row: v128, column: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(sums), f32x4.mul(row, column));
}

/** sums · (row scale · column scale) + bias, rounded after each step; `bias` 0 for none; rows of `out` `stride` apart. */
export function dequantize(
  out: usize, sums: usize, rowScales: usize, columnScales: usize, bias: usize, rows: usize, columns: usize, stride: usize,
): void {
  const whole = (columns & ~3) << 2;
  const rest = columns & 3;
  for (let r: usize = 0; r < rows; r++, sums += columns << 2, out += stride << 2) {
    const row = f32x4.splat(load<f32>(rowScales + (r << 2)));
    if (bias) {
      for (let i: usize = 0; i < whole; i += 16) {
        const v = scaled(v128.load(sums + i), row, v128.load(columnScales + i));
        v128.store(out + i, f32x4.add(v, v128.load(bias + i)));
      }
    } else {
      for (let i: usize = 0; i < whole; i += 16) {
        v128.store(out + i, scaled(v128.load(sums + i), row, v128.load(columnScales + i)));
      }
    }
    if (rest) {
      let v = scaled(loadPart(sums + whole, rest), row, loadPart(columnScales + whole, rest));
      if (bias) v = f32x4.add(v, loadPart(bias + whole, rest));
      storePart(out + whole, v, rest);
    }
  }
}
