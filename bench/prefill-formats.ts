import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { contest, Side } from './prefill.ts';
import type { Row } from './row.ts';
import { GPT2_SMALL, writeSyntheticCheckpoint } from './synthetic.ts';

/** Machines without calibration, a kind of product each: float32, int8, integers, groups of several sizes. */
const MACHINES = ['float32', 'int8', 'int4', 'w4a16-g128', 'anda', 'mxfp4', 'nvfp4', 'vs-quant'];

/** GPT-2-small shape, random weights, 512 tokens, all logits: seconds a sequence on one thread, and against float32. */
export async function run(): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tapeout-bench-'));
  const script = fileURLToPath(new URL('./prefill-process.ts', import.meta.url));
  const contenders: Record<string, Side[]> = {};
  try {
    await writeSyntheticCheckpoint(folder, GPT2_SMALL, 'F32');
    for (const machine of MACHINES) {
      const side = new Side(process.execPath, [script, folder, machine, 'onnxruntime', '1']);
      contenders[machine] = [side];
      if (!(await side.ready())) throw new Error(`${machine} did not start`);
    }
    const seconds = await contest(contenders);
    return MACHINES.map((machine) => ({
      what: machine,
      value: seconds[machine]!,
      unit: 's a sequence',
      note: `${(seconds[machine]! / seconds.float32!).toFixed(2)} x float32`,
    }));
  } finally {
    for (const [side] of Object.values(contenders)) side!.close();
    await rm(folder, { recursive: true, force: true });
  }
}
