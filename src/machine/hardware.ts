import type * as z from 'zod';
import type { SiteName } from '../model/site.ts';
import type {
  ARRAY_KINDS,
  array,
  BIT_SERIAL_DESIGNS,
  memory,
  protection,
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

export type ProtectionDescription = z.output<typeof protection>;

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
export function* hardwareConflicts(machine: MachineFile): Generator<Conflict> {
  const { array: file, technology: process } = machine;
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
  yield* protectionConflicts(machine);
}

/** Kinds that mend what they find at once. */
const MENDING = ['range-check', 'tmr'];

function* protectionConflicts(machine: MachineFile): Generator<Conflict> {
  const { protection: file } = machine;
  if (!file) return;
  const array = arrayOf(machine);
  if (!array) {
    yield { path: ['array'], expected: 'the array that is protected', found: undefined };
    return;
  }
  if (array.kind !== 'systolic') {
    yield {
      path: ['protection'],
      expected: 'protection only in a systolic array',
      found: `it in a ${array.kind} array`,
      note: 'what it adds is counted for the rows and columns of systolic arrays',
    };
    return;
  }
  if (array.dataflow !== 'output-stationary' && array.dataflow !== 'weight-stationary') {
    yield {
      path: ['array', 'dataflow'],
      expected: 'output-stationary or weight-stationary beside protection',
      found: array.dataflow && `"${array.dataflow}"`,
    };
  }
  const other = array.multiplies.find((format) => !/^int\d+$/.test(format));
  if (other !== undefined) {
    yield {
      path: ['protection'],
      expected: 'protection only of elements that multiply integers',
      found: `it beside ${other}`,
      note: 'array.multiplies says what the elements multiply; by default the formats of operands',
    };
  }
  const rate = file['recovery-rate'];
  if (rate !== undefined && MENDING.includes(file.kind)) {
    yield {
      path: ['protection', 'recovery-rate'],
      expected: `no recovery-rate with ${file.kind}`,
      found: String(rate),
      note: 'it computes nothing again',
    };
  }
}
