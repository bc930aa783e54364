import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { median, type Row } from './row.ts';
import { GPT2_SMALL, writeSyntheticCheckpoint } from './synthetic.ts';

const ROUNDS = 5;
const PASSES = 4;

/** A process that runs a pass when told to. */
export class Side {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: string[]) {
    // Passive waiting: on two cores torch's spinning threads cost it twice the time.
    const env = { ...process.env, OMP_WAIT_POLICY: 'passive' };
    this.#process = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async ready(): Promise<boolean> {
    return (await this.#lines.next()).value === 'ready';
  }

  async pass(): Promise<number> {
    this.#process.stdin.write('\n');
    return Number((await this.#lines.next()).value);
  }

  close(): void {
    this.#process.stdin.end();
    this.#process.kill();
  }
}

/**
 * Seconds of a pass for each contender. All take turns, so that the machine's mood hits all alike; a turn is a few passes,
 * of which the first finds the caches full of what the others left, and the best counts.
 */
export async function contest(contenders: Record<string, Side[]>): Promise<Record<string, number>> {
  const seconds: Record<string, number[]> = Object.fromEntries(
    Object.keys(contenders).map((name) => [name, []]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, sides] of Object.entries(contenders)) {
      const passes = [];
      for (let pass = 0; pass < PASSES; pass++) {
        const start = performance.now();
        await Promise.all(sides.map((side) => side.pass()));
        // Sides that run at once share the time.
        passes.push((performance.now() - start) / 1000 / sides.length);
      }
      seconds[name]!.push(Math.min(...passes));
    }
  }
  return Object.fromEntries(Object.entries(seconds).map(([name, values]) => [name, median(values)]));
}

/** GPT-2-small shape, random weights, 512 tokens, all logits: seconds a sequence on two cores, against torch. */
export async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tapeout-bench-'));
  const python = process.env.PYTHON ?? 'python3';
  const ours = (machine: string, backend: string, threads: number) =>
    new Side(process.execPath, [file('prefill-process.ts'), folder, machine, backend, String(threads)]);
  const torch = (threads: number) => new Side(python, [file('peers/torch_gpt2.py'), String(threads)]);
  const all: Side[] = [];
  try {
    await writeSyntheticCheckpoint(folder, GPT2_SMALL, 'F32');
    const contenders: Record<string, Side[]> = {
      'float32, one thread': [ours('float32', 'onnxruntime', 1)],
      'float32, two threads': [ours('float32', 'onnxruntime', 2)],
      'float32, two workers': [ours('float32', 'onnxruntime', 1), ours('float32', 'onnxruntime', 1)],
      'int8, one thread': [ours('int8', 'onnxruntime', 1)],
      'int8, two threads': [ours('int8', 'onnxruntime', 2)],
      'int8, two workers': [ours('int8', 'onnxruntime', 1), ours('int8', 'onnxruntime', 1)],
      'torch float32, one thread': [torch(1)],
      'torch float32, two threads': [torch(2)],
      'torch float32, two processes': [torch(1), torch(1)],
    };
    all.push(...Object.values(contenders).flat());
    for (const [name, sides] of Object.entries(contenders)) {
      if ((await Promise.all(sides.map((side) => side.ready()))).every(Boolean)) continue;
      if (!name.startsWith('torch')) throw new Error(`${name} did not start`);
      console.log(`  ${name}: left out, ${python} has no torch and transformers (PYTHON names another)`);
      delete contenders[name];
    }
    const seconds = await contest(contenders);
    const rows: Row[] = Object.entries(seconds).map(([what, value]) => ({
      what,
      value,
      unit: 's a sequence',
    }));
    const best = (start: string) =>
      Math.min(
        ...Object.entries(seconds).flatMap(([name, value]) => (name.startsWith(start) ? [value] : [])),
      );
    rows.push({
      what: 'int8 over float32, one thread',
      value: seconds['float32, one thread']! / seconds['int8, one thread']!,
      unit: 'x',
      target: '>= 2.5',
    });
    rows.push({
      what: 'int8 over float32, best of each',
      value: best('float32') / best('int8'),
      unit: 'x',
      target: '>= 2.5',
    });
    if (Number.isFinite(best('torch'))) {
      rows.push({
        what: 'float32 over torch, best of each',
        value: best('torch') / best('float32'),
        unit: 'x',
        target: '>= 1',
      });
    }
    return rows;
  } finally {
    for (const side of all) side.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
