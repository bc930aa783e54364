import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
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
