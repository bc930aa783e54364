import { fusedCost } from '../src/cost/fused/fused.ts';
import { OLIVE_MEMORY } from '../src/cost/fused/presets.ts';
import type { WorkloadGemm } from '../src/cost/index.ts';
import { median, type Row } from './row.ts';

const HIDDEN = 4096;
const TOKENS = 2048;
const LAYERS = 32;
const HEADS = 32;
const VOCABULARY = 50_272;
const BITS = { input: 4, weight: 4, output: 16 };
const REPEATS = 20;

/** Its Hugging Face config.json: 32 layers of 4096, 16384 between, 32 heads. */
const PREFILL: WorkloadGemm[] = [
  { site: 'qkvo', m: TOKENS, k: HIDDEN, n: HIDDEN, count: 4 * LAYERS, weight: true },
  { site: 'qk', m: TOKENS, k: HIDDEN / HEADS, n: TOKENS, count: LAYERS * HEADS, weight: false },
  { site: 'sv', m: TOKENS, k: TOKENS, n: HIDDEN / HEADS, count: LAYERS * HEADS, weight: false },
  { site: 'fc1', m: TOKENS, k: HIDDEN, n: 4 * HIDDEN, count: LAYERS, weight: true },
  { site: 'fc2', m: TOKENS, k: 4 * HIDDEN, n: HIDDEN, count: LAYERS, weight: true },
  { site: 'lm_head', m: TOKENS, k: HIDDEN, n: VOCABULARY, count: 1, weight: true },
];

/** Each repeat takes another number of rows, so that nothing is remembered from the one before. */
function searchAll(rows: number): void {
  const array = { rows, columns: 128, dataflow: 'output-stationary', maxBits: 8, minBits: 4 } as const;
  for (const gemm of PREFILL) fusedCost(gemm, array, BITS, OLIVE_MEMORY);
}

/** Milliseconds of `work`: the first call, and the median of the rest. */
function times(work: (repeat: number) => void): { first: number; rest: number } {
  const all = Array.from({ length: REPEATS }, (_, repeat) => {
    const start = performance.now();
    work(repeat);
    return performance.now() - start;
  });
  return { first: all[0]!, rest: median(all.slice(1)) };
}

export function run(): Promise<Row[]> {
  const search = times((repeat) => searchAll(128 + repeat));
  const remembered = times(() => searchAll(128));
  return Promise.resolve([
    { what: 'searched, in a process just started', value: search.first, unit: 'ms' },
    { what: 'searched, an array not seen before', value: search.rest, unit: 'ms' },
    { what: 'remembered', value: remembered.rest, unit: 'ms', target: '< 10' },
  ]);
}
