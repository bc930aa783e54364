import { openCheckpoint } from '../src/checkpoint/index.ts';
import { createDatapath, REFERENCE_PLAN } from '../src/datapath/index.ts';
import { createGemm, createKernels } from '../src/kernels/index.ts';
import { loadMachine } from '../src/machine/index.ts';
import { describeModel, Model, residentStore, WeightLoader } from '../src/model/index.ts';

/**
 * One side of the prefill benchmark, a process of its own: prints "ready", then for every line on stdin runs one pass
 * over 512 tokens, all logits included, and prints its seconds.
 *
 * Arguments: folder, machine, backend, threads within a product.
 */
const [folder, machineName, backend, threads] = process.argv.slice(2) as [
  string,
  string,
  'onnxruntime',
  string,
];
const TOKENS = 512;

const kernels = await createKernels();
const gemm = await createGemm(kernels, { backend, threads: Number(threads) });
const { plan } = machineName === 'float32' ? { plan: REFERENCE_PLAN } : await loadMachine(machineName);
const datapath = createDatapath(kernels, gemm, plan);
const checkpoint = await openCheckpoint(folder);
const { architecture, config } = describeModel(checkpoint);
const store = residentStore(await new WeightLoader(checkpoint, datapath, architecture, config).resident());
const model = new Model(architecture, config, store, datapath);
const tokens = Array.from({ length: TOKENS }, (_, i) => (i * 7919) % config.vocabulary);

async function pass(): Promise<number> {
  const start = performance.now();
  const mark = kernels.mark();
  const [hidden] = await model.hidden([{ tokens }]);
  await model.logits(hidden!);
  kernels.release(mark);
  return (performance.now() - start) / 1000;
}

await pass();
console.log('ready');
for await (const chunk of process.stdin) {
  for (const _ of String(chunk).trim().split('\n')) console.log(await pass());
}
