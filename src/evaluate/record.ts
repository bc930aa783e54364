import type { Machine } from '../machine/index.ts';
import { VERSION } from '../version.ts';
import type { LoadedModel } from './load.ts';

/** What it takes to get a result again: the same file, the same answer. */
export interface RunRecord {
  tapeout: string;
  model: { name: string; architecture: string; sha256: string; commit?: string };
  machine: { name: string; source: string; sha256: string };
  /** Where calibration data came from, if the machine needed any. */
  calibration?: string;
  /** What multiplied, with the features that can change a last bit. */
  kernel: string;
}

export function recordOf(
  { checkpoint, architecture }: LoadedModel,
  machine: Machine,
  { sha256, kernel, calibration }: { sha256: string; kernel: string; calibration: string | undefined },
): RunRecord {
  return {
    tapeout: VERSION,
    model: {
      name: checkpoint.name,
      architecture: architecture.name,
      sha256,
      ...(checkpoint.commit !== undefined && { commit: checkpoint.commit }),
    },
    machine: { name: machine.name, source: machine.source, sha256: machine.hash },
    ...(calibration !== undefined && { calibration }),
    kernel,
  };
}
