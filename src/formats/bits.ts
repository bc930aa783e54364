/** Codes of `width` (1..32) bits one after the other, from the lowest bit of the first byte on. */
export function packBits(codes: ArrayLike<number>, width: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((codes.length * width) / 8));
  let bit = 0;
  for (let i = 0; i < codes.length; i++) {
    for (let b = 0; b < width; b++, bit++) {
      if ((codes[i]! >>> b) & 1) bytes[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  return bytes;
}

/** The inverse of `packBits`. */
export function unpackBits(bytes: Uint8Array, width: number, count: number): Uint32Array {
  const codes = new Uint32Array(count);
  let bit = 0;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < width; b++, bit++) {
      if ((bytes[bit >> 3]! >> (bit & 7)) & 1) codes[i] = (codes[i]! | (1 << b)) >>> 0;
    }
  }
  return codes;
}

/** The little-endian bytes of float32 numbers. */
export function floatBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function bytesToFloats(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** A code for each value: `Uint32Array.from(values, code)`, which takes twenty times as long. */
export function codesOf(values: Float32Array, code: (value: number, index: number) => number): Uint32Array {
  const codes = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) codes[i] = code(values[i]!, i);
  return codes;
}

/** An element for each code, in the same way. */
export function elementsOf(
  codes: Uint32Array,
  element: (code: number, index: number) => number,
): Float32Array {
  const elements = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) elements[i] = element(codes[i]!, i);
  return elements;
}
