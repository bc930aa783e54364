import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluate, loadModel } from '../src/evaluate/index.ts';
import { loadMachine } from '../src/machine/index.ts';
import { median, type Row } from './row.ts';
import { GPT2_SMALL, writeSyntheticCheckpoint } from './synthetic.ts';

const DOCUMENTS = 24;
const ROUNDS = 3;

/** Many documents on two worker threads against one: the evaluation alone, the weights in memory. */
export async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tapeout-bench-'));
  try {
    await writeSyntheticCheckpoint(folder, { ...GPT2_SMALL, n_layer: 4 }, 'BF16');
    const data = join(folder, 'documents.txt');
    await writeFile(
      data,
      Array.from({ length: DOCUMENTS }, (_, i) => `${i} ${'lorem ipsum '.repeat(24)}`).join('\n---\n'),
    );
    const model = await loadModel(folder);
    const machine = await loadMachine('float32');
    const seconds = async (workers: number) => {
      let first: number | undefined;
      let last = 0;
      await evaluate(model, machine, {
        data,
        metricOptions: { split: '---' },
        workers,
        onProgress({ stage, done }) {
          if (stage !== 'evaluation') return;
          // The first batch of each worker also starts its thread.
          if (done >= 0 && first === undefined) first = performance.now();
          last = performance.now();
        },
      });
      return (last - first!) / 1000;
    };
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({ one: await seconds(1), two: await seconds(2) });
    return [
      { what: 'one worker', value: median(rounds.map(({ one }) => one)), unit: 's' },
      { what: 'two workers', value: median(rounds.map(({ two }) => two)), unit: 's' },
      {
        what: 'two over one',
        value: median(rounds.map(({ one, two }) => one / two)),
        unit: 'x',
        target: '>= 1.8',
        note: `${DOCUMENTS} documents, weights shared`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
