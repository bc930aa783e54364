import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { WebAssemblyGemm } from './gemm-webassembly.ts';
import { compileKernels } from './module.ts';
import { KernelStack } from './stack.ts';
import { createKernels } from './webassembly.ts';

test('arrays start at multiples of 64 and views outlive the growth of the memory', () => {
  const stack = new KernelStack();
  const first = stack.floats(3);
  first.set([1, 2, 3]);
  const second = stack.bytes(1);
  expect(first.byteOffset % 64).toBe(0);
  expect(second.byteOffset % 64).toBe(0);
  expect(second.byteOffset).toBeGreaterThanOrEqual(first.byteOffset + first.byteLength);
  const large = stack.integers(10_000_000);
  large[9_999_999] = 7;
  expect(large.buffer).not.toBe(first.buffer);
  expect(Array.from(first)).toEqual([1, 2, 3]);
  expect([stack.owns(first), stack.owns(large), stack.owns(new Float32Array(3))]).toEqual([
    true,
    true,
    false,
  ]);
});

test('release gives back what came after its mark', () => {
  const stack = new KernelStack();
  const mark = stack.mark();
  const taken = stack.floats(100).byteOffset;
  stack.release(mark);
  expect(stack.floats(5).byteOffset).toBe(taken);
  expect(() => stack.release(stack.mark() + 64)).toThrow('no mark of this stack');
  expect(() => stack.release(0)).toThrow('no mark of this stack');
});

test('kernels work above 2 GiB, where addresses are negative as 32-bit integers', async () => {
  const kernels = await createKernels();
  kernels.take(2 ** 31 - 100_000); // never touched, so it costs no memory
  const x = kernels.floats(50_001);
  expect(x.byteOffset).toBeLessThan(2 ** 31);
  expect(x.byteOffset + x.byteLength).toBeGreaterThan(2 ** 31);
  x.fill(-2);
  x[50_000] = 5;
  kernels.relu(x.subarray(0, 50_000));
  expect(kernels.absMax(x)).toBe(5);
  expect(kernels.findNonFinite(x)).toBe(-1);
  const [a, b, c] = [kernels.floats(7 * 9).fill(1), kernels.floats(9 * 11).fill(2), kernels.floats(7 * 11)];
  await new WebAssemblyGemm(kernels).float32(c, a, b, { m: 7, k: 9, n: 11, transposed: true });
  expect(c.every((value) => value === 18)).toBe(true);
});

test('more than 4 GiB is refused with advice', () => {
  const stack = new KernelStack();
  const mark = stack.mark();
  expect(() => stack.floats(2 ** 30)).toThrow(/would need 4.00 GiB, and WebAssembly ends at 4 GiB/);
  expect(() => stack.bytes(-1)).toThrow('an array of -1 bytes');
  expect(stack.mark()).toBe(mark);
});

test('kernels of one compiled module have memories of their own', async () => {
  const module = await compileKernels();
  const [one, two] = [await createKernels(module), await createKernels(module)];
  const x = one.floats(4).fill(-1);
  one.relu(x);
  expect(Array.from(x)).toEqual([0, 0, 0, 0]);
  expect(() => two.relu(x)).toThrow('relu: an array lies outside');
});

test('a worker thread takes the compiled module', async () => {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.url).then(async ({ createKernels }) => {
      const kernels = await createKernels(workerData.module);
      const x = kernels.load(Float32Array.of(-2, 3));
      kernels.relu(x);
      parentPort.postMessage(Array.from(x));
    });`;
  const url = new URL('./webassembly.ts', import.meta.url).href;
  const worker = new Worker(source, { eval: true, workerData: { url, module: await compileKernels() } });
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  expect(answer).toEqual([0, 3]);
});

test('a memory keeps knowing its views when another memory of the thread grows', async () => {
  const [one, other] = [await createKernels(), await createKernels()];
  one.floats(10);
  other.floats(100_000_000);
  const x = one.load(Float32Array.of(-1, 2));
  one.relu(x);
  expect(Array.from(x)).toEqual([0, 2]);
});
