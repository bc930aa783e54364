// Float32 in ascending order by four passes over bytes, lowest first. A key has the order of the values: all bits of a
// negative float turned, the sign bit of another.

@inline
function key(word: u32): u32 {
  return word ^ (<u32>(<i32>word >> 31) | 0x80000000);
}

/** x, and as many bytes of `spare`; `counts` holds 4 · 256 integers. */
export function sortFloats(x: usize, spare: usize, counts: usize, length: usize): void {
  memory.fill(counts, 0, 4096);
  const bytes = length << 2;
  for (let at = x; at < x + bytes; at += 4) {
    const k = key(load<u32>(at));
    for (let pass: u32 = 0; pass < 4; pass++) {
      const count = counts + (pass << 10) + (<usize>((k >> (pass << 3)) & 255) << 2);
      store<u32>(count, load<u32>(count) + 1);
    }
  }
  let from = x, to = spare;
  for (let pass: u32 = 0; pass < 4; pass++) {
    const table = counts + (pass << 10);
    let place = <u32>to;
    for (let at = table; at < table + 1024; at += 4) {
      const count = load<u32>(at);
      store<u32>(at, place);
      place += count << 2;
    }
    const shift = pass << 3;
    for (let at = from; at < from + bytes; at += 4) {
      const word = load<u32>(at);
      const next = table + (<usize>((key(word) >> shift) & 255) << 2);
      const out = load<u32>(next);
      store<u32>(out, word);
      store<u32>(next, out + 4);
    }
    const other = from;
    from = to;
    to = other;
  }
}
