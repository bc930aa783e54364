import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openSafetensors } from '../src/checkpoint/safetensors.ts';

export interface GoldenTensor {
  shape: readonly number[];
  /** Values as numbers, whatever their type in the file. */
  data: Float32Array;
}

export function goldenPath(path: string): string {
  return fileURLToPath(new URL(`golden/${path}`, import.meta.url));
}

/** All tensors of a golden file as float32: ids and codes are small enough to be exact. */
export async function readGolden(path: string): Promise<Record<string, GoldenTensor>> {
  return readTensors(goldenPath(path));
}

/** The same of any safetensors file. */
export async function readTensors(path: string): Promise<Record<string, GoldenTensor>> {
  const file = await openSafetensors(path);
  const golden: Record<string, GoldenTensor> = {};
  for (const [name, { dtype, shape, begin, bytes: length }] of file.tensors) {
    const bytes = new Uint8Array(length);
    await file.readInto(bytes, begin);
    golden[name] = { shape, data: widen(bytes.buffer, dtype) };
  }
  await file.close();
  return golden;
}

function widen(buffer: ArrayBuffer, dtype: string): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'I64':
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case 'I32':
      return Float32Array.from(new Int32Array(buffer));
    case 'I8':
      return Float32Array.from(new Int8Array(buffer));
    default:
      throw new Error(`golden files hold no ${dtype}`);
  }
}

/** Path of real data beside the project, or undefined with the reason printed once where it is missing. */
export function sharedData(path: string): string | undefined {
  const full = fileURLToPath(new URL(`../../shared/data/${path}`, import.meta.url));
  if (existsSync(full)) return full;
  console.log(`skipped: ../shared/data/${path} is not there`);
  return undefined;
}
