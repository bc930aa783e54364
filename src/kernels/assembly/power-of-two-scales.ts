import { groupMax } from './groups';

const INFINITY: u32 = 0x7f800000;

/** Exponents that an E8M0 scale has: codes 0 .. 254; 255 is NaN (OCP MX v1.0, section 5.4.1). */
const SMALLEST = -127, LARGEST = 127;

/** 2^exponent, exponent -149 .. 127. */
@inline
function powerOfTwo(exponent: i32): f32 {
  return reinterpret<f32>(exponent < -126 ? 1 << (exponent + 149) : (exponent + 127) << 23);
}

/**
 * Scales 2^(e + unit) with e = clamp(exponent of max|x| - emax, -127, 127), where the exponent is taken after `carry` has
 * been added to the bits of max|x|: 0 takes it as it is, more rounds it up from a certain mantissa on. A group with an
 * infinity or a NaN has the scale NaN.
 */
export function powerOfTwoScales(
  out: usize, x: usize, rows: usize, columns: usize, group: usize, carry: u32, emax: i32, unit: i32,
): void {
  for (let r: usize = 0; r < rows; r++) {
    for (let c: usize = 0; c < columns; c += group, out += 4) {
      const length = min(group, columns - c);
      const largest = groupMax(x, length);
      x += length << 2;
      let bits = reinterpret<u32>(largest);
      if (bits >= INFINITY) {
        store<f32>(out, f32.NaN);
        continue;
      }
      let bias = 127;
      // A subnormal has no hidden bit: times 2^24 it has.
      if (bits < 0x800000) {
        bits = reinterpret<u32>(largest * 16777216);
        bias = 127 + 24;
      }
      const exponent = <i32>((bits + carry) >> 23) - bias - emax;
      store<f32>(out, powerOfTwo(min(max(exponent, SMALLEST), LARGEST) + unit));
    }
  }
}
