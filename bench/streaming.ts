import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Row } from './row.ts';
import { LLAMA_7B, writeSyntheticCheckpoint } from './synthetic.ts';

/** A 7B LLaMA-shaped BF16 checkpoint, 64 tokens, weights streamed: peak resident memory of the whole process. */
export async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tapeout-bench-'));
  try {
    const written = performance.now();
    await writeSyntheticCheckpoint(folder, LLAMA_7B, 'BF16');
    const write = (performance.now() - written) / 1000;
    const data = join(folder, 'text.txt');
    await writeFile(data, 'the quick brown fox jumps over the lazy dog '.repeat(2).slice(0, 64));
    const start = performance.now();
    const peak = await peakMemory([
      'eval',
      '--model',
      folder,
      '--machine',
      'float32',
      '--data',
      data,
      '--memory',
      '1GiB',
      '--json',
    ]);
    return [
      { what: 'writing the checkpoint', value: write, unit: 's' },
      { what: 'tapeout eval, 64 tokens', value: (performance.now() - start) / 1000, unit: 's' },
      { what: 'peak resident memory', value: peak / 2 ** 30, unit: 'GiB', target: '< 4' },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs tapeout and gives its peak resident memory in bytes. */
async function peakMemory(args: string[]): Promise<number> {
  const preload = new URL('./peak-memory.ts', import.meta.url).href;
  const launcher = fileURLToPath(new URL('../bin/tapeout.js', import.meta.url));
  const child = spawn(process.execPath, ['--import', preload, launcher, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  const peak = /peak (\d+)/.exec(errors)?.[1];
  if (code !== 0 || !peak) throw new Error(`tapeout ended with ${code}: ${errors}`);
  return Number(peak);
}
