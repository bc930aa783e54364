/**
 * Outlier-victim pairs on one core: the search of 88 scales a row, and fake quantisation with a fixed scale. The peer is
 * the same search in numpy (`PYTHON`, python3 where unset). `node bench/olive.ts [rounds]`
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createFormat } from '../src/formats/index.ts';
import { createKernels, type Kernels } from '../src/kernels/index.ts';
import { median, printRows, type Row } from './row.ts';

const SEARCHED = 768;
const ROUNDED = 4096;

export async function run(rounds = 5): Promise<Row[]> {
  const kernels = await createKernels();
  const names = ['olive-int4', 'olive-flint4', 'olive-int8', 'olive4'];
  const rows = names.map((name) => search(kernels, name, rounds));
  const mark = kernels.mark();
  const source = heavyTailed(kernels, ROUNDED * ROUNDED);
  const x = kernels.floats(source.length);
  const copy = () => x.set(source);
  rows.push(rate('copy', source, rounds, copy));
  for (const name of names) {
    const format = createFormat(name, { scale: 0.4 }, 'tensor');
    const fit = format.fit(kernels, source.subarray(0, 2), 2);
    const once = () => format.round(kernels, x, ROUNDED, fit, 'values');
    rows.push({ ...rate(name, source, rounds, once, copy), target: '1' });
  }
  kernels.release(mark);
  return [...rows, ...peer()];
}

function search(kernels: Kernels, name: string, rounds: number): Row {
  const mark = kernels.mark();
  const x = heavyTailed(kernels, SEARCHED * SEARCHED);
  const format = createFormat(name);
  const seconds = time(rounds, () => format.fit(kernels, x, SEARCHED));
  kernels.release(mark);
  return {
    what: `${name}, search ${SEARCHED}x${SEARCHED}`,
    value: Math.min(...seconds),
    unit: 's',
    target: name === 'olive4' ? '0.6, two types' : '0.3',
    note: `median ${median(seconds).toFixed(3)}`,
  };
}

/** GB/s of input. */
function rate(
  what: string,
  source: Float32Array,
  rounds: number,
  once: () => void,
  prepare?: () => void,
): Row {
  const rates = time(rounds, once, prepare).map((seconds) => (source.length * 4) / seconds / 1e9);
  const note = `median ${median(rates).toFixed(2)}`;
  return { what: `${what} ${ROUNDED}x${ROUNDED}`, value: Math.max(...rates), unit: 'GB/s', note };
}

function time(rounds: number, once: () => void, prepare?: () => void): number[] {
  return Array.from({ length: rounds }, () => {
    prepare?.();
    const start = performance.now();
    once();
    return (performance.now() - start) / 1000;
  });
}

/** Mostly of size 1, one in a hundred up to 16 times that: enough outliers that no branch is spared. */
function heavyTailed(kernels: Kernels, length: number): Float32Array {
  const values = kernels.floats(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    const uniform = state / 2 ** 31;
    values[i] = (state & 0xff00) < 0x300 ? uniform * 16 : uniform * uniform * uniform * 3;
  }
  return values;
}

function peer(): Row[] {
  const script = fileURLToPath(new URL('peers/numpy_olive_search.py', import.meta.url));
  const python = process.env.PYTHON ?? 'python3';
  const { status, stdout } = spawnSync(python, [script, `${SEARCHED}`], { encoding: 'utf8' });
  const what = `numpy, search ${SEARCHED}x${SEARCHED}`;
  if (status !== 0) {
    console.log(`skipped: ${python} with numpy did not run ${script}`);
    return [];
  }
  return [{ what, value: Number(stdout), unit: 's', note: 'best of 2, one thread' }];
}

if (import.meta.main) printRows('outlier-victim pairs, one core', await run(Number(process.argv[2] ?? 5)));
