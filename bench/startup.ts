import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median, type Row } from './row.ts';

const ROUNDS = 15;

/** `tapeout --help` as a whole process. */
export async function run(): Promise<Row[]> {
  const launcher = fileURLToPath(new URL('../bin/tapeout.js', import.meta.url));
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, [launcher, '--help']);
    if (status !== 0) throw new Error('tapeout --help failed');
    return performance.now() - start;
  });
  return [{ what: 'tapeout --help', value: median(times), unit: 'ms', target: '< 150' }];
}
