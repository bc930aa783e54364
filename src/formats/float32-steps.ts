const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The next float32 above a finite one. */
export function nextUp(value: number): number {
  float[0] = value;
  if (float[0] === 0) return 2 ** -149;
  bits[0]! += float[0]! > 0 ? 1 : -1;
  return float[0]!;
}

/** Exponent e of a positive float32 with 2^e <= value < 2^(e+1), subnormals included. */
export function floorLog2(value: number): number {
  float[0] = value;
  const exponent = bits[0]! >> 23;
  return exponent > 0 ? exponent - 127 : 31 - Math.clz32(bits[0]!) - 149;
}
