import type * as z from 'zod';
import type { SiteName } from '../model/site.ts';
import type {
  ARRAY_KINDS,
  array,
  BIT_SERIAL_DESIGNS,
  memory,
  TENSOR_CORE_DEVICES,
  technology,
} from './hardware-schema.ts';
import type { Conflict } from './resolve.ts';
import type { MachineFile } from './schema.ts';

export type ArrayKind = (typeof ARRAY_KINDS)[number];

/** The array of a machine. Which keys stand with which kind, `hardwareConflicts` has seen to. */
export interface ArrayShape {
  kind: ArrayKind;
  /** Of processing elements, each of which multiplies and accumulates once a cycle; undefined for tensor-core. */
  rows?: number | undefined;
  columns?: number | undefined;
  dataflow?: 'input-stationary' | 'output-stationary' | 'weight-stationary' | undefined;
  /** fused: operands of a whole multiplier, and the narrowest that it splits for. */
  multiplierBits?: number | undefined;
  splitBits?: number | undefined;
  /** bit-serial. */
  design?: (typeof BIT_SERIAL_DESIGNS)[number] | undefined;
  /** tensor-core. */
  device?: (typeof TENSOR_CORE_DEVICES)[number] | undefined;
  /** Formats that its elements multiply. */
  multiplies: readonly string[];
  /** Sites that something else computes. */
  outside: readonly SiteName[];
  outputBits?: number | undefined;
}

/** Capacities in bytes, bandwidth in B/s, energies in pJ/bit. */
export type MemoryDescription = z.output<typeof memory>;

/** Node in nanometres, voltages in volts, energy in pJ, area in um2. */
export type TechnologyDescription = z.output<typeof technology>;

type ArrayKey = keyof z.output<typeof array>;

/** What an array of a kind needs, and may have besides `multiplies`, `outside` and `output-bits`. */
const KEYS: Record<ArrayKind, { needs: readonly ArrayKey[]; may: readonly ArrayKey[] }> = {
  'bit-serial': { needs: ['rows', 'columns', 'design'], may: [] },
  fused: { needs: ['rows', 'columns'], may: ['dataflow', 'multiplier-bits', 'split-bits'] },
  systolic: { needs: ['rows', 'columns'], may: ['dataflow'] },
  'tensor-core': { needs: ['device'], may: [] },
};

const ANY: readonly ArrayKey[] = ['kind', 'multiplies', 'outside', 'output-bits'];

const EXPECTED: Partial<Record<ArrayKey, string>> = {
  rows: 'a whole number from 1 to 65536',
  columns: 'a whole number from 1 to 65536',
  design: 'a bit-serial design',
  device: 'a device',
};

/** The array with its defaults. */
export function arrayOf({ array: file, operands }: MachineFile): ArrayShape | undefined {
  if (!file) return undefined;
  const { kind = 'systolic', rows, columns, dataflow, design, device } = file;
  const formats = [operands.weights.format, operands.activations.format];
  return {
    kind,
    rows,
    columns,
    dataflow,
    ...(kind === 'fused' && {
      multiplierBits: file['multiplier-bits'] ?? 8,
      splitBits: file['split-bits'] ?? 4,
    }),
    design,
    device,
    multiplies: file.multiplies ?? [...new Set(formats)],
    outside: file.outside ?? [],
    outputBits: file['output-bits'],
  };
}

/** What contradicts itself in the keys of the hardware. */
export function* hardwareConflicts({ array: file, technology: process }: MachineFile): Generator<Conflict> {
  if (file) {
    const kind = file.kind ?? 'systolic';
    const { needs, may } = KEYS[kind];
    for (const key of needs) {
      if (file[key] === undefined) yield { path: ['array', key], expected: EXPECTED[key]!, found: undefined };
    }
    const known = [...ANY, ...needs, ...may];
    for (const key of Object.keys(file) as ArrayKey[]) {
      if (known.includes(key) || file[key] === undefined) continue;
      yield {
        path: ['array', key],
        expected: `no ${key} in a ${kind} array`,
        found: String(file[key]),
        note: `it has ${known.join(', ')}`,
      };
    }
    if (kind === 'fused' && (file['split-bits'] ?? 4) > (file['multiplier-bits'] ?? 8)) {
      yield {
        path: ['array', file['split-bits'] === undefined ? 'multiplier-bits' : 'split-bits'],
        expected: `split-bits of at most multiplier-bits, ${file['multiplier-bits'] ?? 8}`,
        found: String(file['split-bits'] ?? 4),
      };
    }
    if (kind === 'fused' && file.dataflow === 'input-stationary') {
      yield {
        path: ['array', 'dataflow'],
        expected: 'output-stationary or weight-stationary in a fused array',
        found: '"input-stationary"',
      };
    }
  }
  const threshold = process?.['threshold-voltage'];
  for (const key of ['voltage', 'nominal-voltage'] as const) {
    const value = process?.[key];
    if (value === undefined || threshold === undefined || value > threshold) continue;
    yield {
      path: ['technology', key],
      expected: `a voltage above the threshold of ${threshold} V`,
      found: `${value} V`,
    };
  }
}
