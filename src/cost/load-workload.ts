import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, readJsonObject } from '../checkpoint/index.ts';
import { InputError } from '../errors.ts';
import type { Workload } from './contract.ts';
import { loadTopology } from './scale-sim/index.ts';
import { findShape } from './shapes/index.ts';
import { modelWorkload, type WorkloadOptions } from './workload.ts';

/** Where a workload comes from: exactly one of the three. */
export interface WorkloadSource {
  /** A folder with a config.json, a demo model, or a hub id in the cache. */
  model?: string | undefined;
  /** A built-in shape. */
  shape?: string | undefined;
  /** A SCALE-Sim topology. */
  topology?: string | undefined;
}

/** Larger than any. */
const MAX_CONFIG_BYTES = 1 << 20;

/** Workloads of one source in any size; what is read from disk is read once. @throws InputError */
export async function loadWorkload(source: WorkloadSource): Promise<(options: WorkloadOptions) => Workload> {
  const { model, shape, topology } = source;
  if ([model, shape, topology].filter((given) => given !== undefined).length !== 1) {
    throw new InputError('expected one of --model, --shape and --topology', {
      note: 'such as --shape opt-6.7b --phase prefill --batch 1 --sequence 2048',
    });
  }
  if (topology !== undefined) {
    const workload = loadTopology(topology);
    return () => workload;
  }
  if (shape !== undefined) {
    const { config } = findShape(shape);
    return (options) => modelWorkload(shape.toLowerCase(), config, options);
  }
  const config = await readConfig(model!);
  return (options) => modelWorkload(model!, config, options);
}

/** A folder needs no weights. Anything else is a checkpoint's name, and nothing is downloaded. */
async function readConfig(model: string): Promise<Record<string, unknown>> {
  const found = await stat(model).catch(() => undefined);
  if (found?.isDirectory()) {
    const file = join(model, 'config.json');
    const config = await readJsonObject(file, MAX_CONFIG_BYTES);
    if (config) return config;
    throw new InputError('expected a configuration, found no such file', { place: { file } });
  }
  const checkpoint = await openCheckpoint(model, { offline: true });
  await checkpoint.close();
  return checkpoint.config;
}
