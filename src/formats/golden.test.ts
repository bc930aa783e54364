import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openSafetensors } from '../checkpoint/safetensors.ts';
import { createFormat, findFormat } from './index.ts';

/*
 * The oracles against independent code: test/golden/formats, made by tools/golden/formats.py with ml_dtypes and torch.
 */

it.each(['float16', 'bfloat16'])('%s encodes as ml_dtypes', async (name) => {
  const { input, output } = await golden(name);
  const { encode, decode } = findFormat(name).float!;
  const codes = new Uint16Array(output!.buffer);
  expect(codes.length).toBeGreaterThan(3000);
  // Any NaN code for a NaN, the very code for everything else.
  const wrong = Array.from(floats(input!)).filter((value, i) =>
    Number.isNaN(value) ? !Number.isNaN(decode(codes[i]!)) : encode(value) !== codes[i],
  );
  expect(wrong).toEqual([]);
});

it('tf32 rounds as the golden file', async () => {
  const { input, output } = await golden('tf32');
  const { encode, decode } = findFormat('tf32').float!;
  const expected = floats(output!);
  const wrong = Array.from(floats(input!)).filter(
    (value, i) => !Object.is(decode(encode(value)), expected[i]),
  );
  expect(expected.length).toBeGreaterThan(3000);
  expect(wrong).toEqual([]);
});

it('int8 encodes as the golden file, at every scale', async () => {
  const { input, scales, output } = await golden('int8');
  const values = floats(input!);
  const expected = new Int8Array(output!.buffer);
  for (const [row, scale] of floats(scales!).entries()) {
    // The lowest scale of the file is a subnormal product away from none that a user may give.
    const int8 = createFormat('int8', { scale }, 'tensor');
    const fit = { scales: new Float32Array([scale]) };
    const codes = int8.decode(int8.encode(values, values.length, fit), values.length, fit);
    expect([...codes]).toEqual(Array.from(expected.subarray(row * values.length, (row + 1) * values.length)));
  }
});

async function golden(name: string): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const path = fileURLToPath(new URL(`../../test/golden/formats/${name}.safetensors`, import.meta.url));
  const file = await openSafetensors(path);
  try {
    const tensors: Record<string, Uint8Array<ArrayBuffer>> = {};
    for (const [tensor, { bytes, begin }] of file.tensors) {
      tensors[tensor] = new Uint8Array(bytes);
      await file.readInto(tensors[tensor], begin);
    }
    return tensors;
  } finally {
    await file.close();
  }
}

function floats(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  return new Float32Array(bytes.buffer);
}
