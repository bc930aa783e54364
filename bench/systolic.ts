import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Dataflow, type SystolicArray, systolicCost, type WorkloadGemm } from '../src/cost/index.ts';
import { median, type Row } from './row.ts';

const BITS = { input: 8, weight: 8, output: 8 };
const MEBIBYTE = 8 << 20;
const MEMORY = { inputBits: MEBIBYTE, weightBits: MEBIBYTE, outputBits: MEBIBYTE, dramBitsPerCycle: 1024 };

/** Dimensions m, n, k, SCALE-Sim's name of the dataflow, size of the array. */
const PEER_RUNS: readonly [number, number, number, 'os' | 'ws' | 'is', number][] = [
  [512, 768, 768, 'os', 128],
  [512, 768, 768, 'ws', 128],
  [512, 768, 768, 'is', 128],
];
const DATAFLOWS: Record<'os' | 'ws' | 'is', Dataflow> = {
  os: 'output-stationary',
  ws: 'weight-stationary',
  is: 'input-stationary',
};

/**
 * OPT-6.7B, 2048 tokens: 32 layers, width 4096, 32 heads of 128, feed-forward 16384, vocabulary 50272 (its config.json).
 * Sites that share a shape are listed by themselves, as a workload lists them.
 */
function opt6700m(tokens: number): WorkloadGemm[] {
  const [layers, width, heads, inner, vocabulary] = [32, 4096, 32, 16384, 50272];
  const project = (site: string, k: number, n: number, count = layers): WorkloadGemm => ({
    site,
    m: tokens,
    k,
    n,
    count,
    weight: true,
  });
  const attend = (site: string, k: number, n: number): WorkloadGemm => ({
    ...project(site, k, n, layers * heads),
    weight: false,
  });
  return [
    project('q', width, width),
    project('k', width, width),
    project('v', width, width),
    attend('qk', width / heads, tokens),
    attend('sv', tokens, width / heads),
    project('o', width, width),
    project('fc1', width, inner),
    project('fc2', inner, width),
    project('lm_head', width, vocabulary, 1),
  ];
}

/** Seconds of the closed formula for one GEMM: many of them, none like the one before, best of several rounds. */
function secondsOfOurs(run: (step: number) => bigint): number {
  const CALLS = 20_000;
  let sum = 0n;
  const rounds = [];
  for (let round = 0; round < 7; round++) {
    const start = performance.now();
    for (let call = 0; call < CALLS; call++) sum += run(call % 500);
    rounds.push((performance.now() - start) / 1000 / CALLS);
  }
  if (sum === 0n) throw new Error('nothing was computed');
  return Math.min(...rounds);
}

/** The cost of GEMMs on systolic arrays: against SCALE-Sim, which steps through every cycle, and a whole model's. */
export async function run(): Promise<Row[]> {
  const rows: Row[] = [];
  const array: SystolicArray = { rows: 128, columns: 128, dataflow: 'weight-stationary' };
  const workload = opt6700m(2048);
  const milliseconds = [];
  for (let round = 0; round < 21; round++) {
    const start = performance.now();
    for (const gemm of workload) systolicCost(gemm, array, BITS, MEMORY);
    milliseconds.push(performance.now() - start);
  }
  rows.push(
    {
      what: 'OPT-6.7B prefill, 128 x 128, first',
      value: milliseconds[0]!,
      unit: 'ms',
      target: '< 10',
      note: '2048 tokens, 9 sites, stalls and traffic included',
    },
    { what: 'OPT-6.7B prefill, 128 x 128, again', value: median(milliseconds.slice(1)), unit: 'ms' },
  );
  rows.push(...(await againstScaleSim()));
  return rows;
}

async function againstScaleSim(): Promise<Row[]> {
  const python = process.env.PYTHON ?? 'python3';
  const script = fileURLToPath(new URL('peers/scale_sim.py', import.meta.url));
  const peer = spawn(python, ['-W', 'ignore', script], { stdio: ['pipe', 'pipe', 'ignore'] });
  // A Python that does not start shows as an end of the output.
  peer.on('error', () => {});
  peer.stdin.on('error', () => {});
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  try {
    const [ready, version] = String((await lines.next()).value).split(' ');
    if (ready !== 'ready') {
      console.log(`  SCALE-Sim: left out, ${python} has no scalesim (PYTHON names another)`);
      return [];
    }
    const rows: Row[] = [];
    for (const [m, n, k, dataflow, size] of PEER_RUNS) {
      const array = { rows: size, columns: size, dataflow: DATAFLOWS[dataflow] };
      const cost = (step: number) =>
        systolicCost({ site: 'layer', m: m + step, k, n, count: 1, weight: true }, array, BITS, {
          ...MEMORY,
          dramBitsPerCycle: undefined,
        }).cycles.compute;
      const ours = secondsOfOurs(cost);
      peer.stdin.write(`${m} ${n} ${k} ${dataflow} ${size}\n`);
      const [seconds, cycles] = String((await lines.next()).value).split(' ');
      if (BigInt(cycles ?? -1) !== cost(0)) {
        throw new Error(`${dataflow}: SCALE-Sim has ${cycles} cycles, we have ${cost(0)}`);
      }
      const what = `${m} x ${k} x ${n}, ${dataflow} ${size} x ${size}`;
      rows.push(
        { what: `${what}, ours`, value: ours * 1e6, unit: 'us', note: `${cycles} cycles, both` },
        { what: `${what}, SCALE-Sim ${version}`, value: Number(seconds), unit: 's' },
        { what: `${what}, ratio`, value: Number(seconds) / ours, unit: 'x', target: '>= 100000' },
      );
    }
    return rows;
  } finally {
    peer.kill();
  }
}
