import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { DatapathPlan } from '../datapath/plan.ts';
import { InputError, suggest } from '../errors.ts';
import {
  type ArrayShape,
  arrayOf,
  type MemoryDescription,
  type ProtectionDescription,
  type TechnologyDescription,
} from './hardware.ts';
import { type Layers, type ReadBase, readLayers } from './layers.ts';
import { inputErrors, type KeyPath, printable, shown } from './mistakes.ts';
import { resolve } from './resolve.ts';
import { machineSchema } from './schema.ts';

/** A machine, as its file describes it. */
export interface Machine {
  name: string;
  /** Empty where the file has none. */
  description: string;
  /** The path of the file, or `preset NAME`. */
  source: string;
  /** The YAML as read, for records; what it extends comes before it, as YAML documents. */
  text: string;
  /** SHA-256 of `text`, hexadecimal. */
  hash: string;
  /** The arithmetic of every GEMM site. */
  plan: DatapathPlan;
  array?: ArrayShape;
  /** Hertz. */
  clock?: number;
  memory?: MemoryDescription;
  technology?: TechnologyDescription;
  protection?: ProtectionDescription;
}

/**
 * A machine from the text of its file; `file` names it in messages.
 * @throws InputError with file, line, column and key of a mistake; of several mistakes, InputErrors
 */
export function parseMachine(text: string, file: string, readBase: ReadBase = refuseBase): Machine {
  return machineOf(readLayers(text, file, readBase));
}

/** A machine file that is read once and varied many times. */
export interface VariableMachine {
  /** The value at a key as the file has it, `technology.voltage`; undefined where it has none. */
  valueAt(key: string): unknown;
  /** The machine with other values at some keys. @throws InputError as `parseMachine` */
  with(values: Readonly<Record<string, unknown>>): Machine;
}

export function variableMachine(
  text: string,
  file: string,
  readBase: ReadBase = refuseBase,
): VariableMachine {
  const layers = readLayers(text, file, readBase);
  const path = (key: string) => key.split('.');
  return {
    valueAt: (key) => valueAt(layers.value, path(key)),
    with: (values) => {
      const value = Object.entries(values).reduce(
        (all, [key, one]) => replaced(all, path(key), one),
        layers.value,
      );
      return machineOf({ ...layers, value }, JSON.stringify(values));
    },
  };
}

/** A copy of a value with another one at a path. */
function replaced(value: unknown, [key, ...rest]: readonly string[], one: unknown): unknown {
  if (key === undefined) return one;
  const map = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const inner = Object.hasOwn(map, key) ? map[key] : undefined;
  return { ...map, [key]: replaced(inner, rest, one) };
}

/** `variation`: what stands otherwise than in the files, for the record. */
function machineOf(layers: Layers, variation?: string): Machine {
  const parsed = machineSchema.safeParse(layers.value);
  if (!parsed.success) throw schemaErrors(parsed.error.issues, layers);

  const { plan, conflicts } = resolve(parsed.data);
  if (conflicts.length > 0) {
    throw inputErrors(
      conflicts.map((conflict) => {
        const { path, note } = conflict;
        if ('expected' in conflict) return wrongValue(layers, path, conflict.expected, conflict.found, note);
        return new InputError(conflict.message, { place: layers.placeOf(path), ...(note && { note }) });
      }),
    );
  }
  const { name, description = '', clock, memory, technology, protection } = parsed.data;
  const array = arrayOf(parsed.data);
  const texts = layers.files.map((layer) => layer.text).reverse();
  const record = [...texts, ...(variation ? [variation] : [])].join('\n---\n');
  return {
    name,
    description: description.trim(),
    source: layers.files[0]!.file,
    text: record,
    hash: createHash('sha256').update(record).digest('hex'),
    plan,
    ...(array && { array }),
    ...(clock !== undefined && { clock }),
    ...(memory && { memory }),
    ...(technology && { technology }),
    ...(protection && { protection }),
  };
}

/**
 * Multiply-accumulate operations a second when every processing element of a systolic array is busy; undefined without
 * array or clock. Elements of other kinds do more or less than one a cycle, as their operands say: cost/ knows.
 */
export function peakRate({ array, clock }: Machine): number | undefined {
  if (array?.kind !== 'systolic') return undefined;
  if (array.rows === undefined || array.columns === undefined || clock === undefined) return undefined;
  return array.rows * array.columns * clock;
}

function refuseBase(name: string): never {
  throw new InputError(
    `expected a machine file that stands alone, found one that extends "${printable(name, 60)}"`,
  );
}

function wrongValue(
  layers: Layers,
  path: KeyPath,
  expected: string,
  found: string | undefined,
  note?: string,
): InputError {
  const message =
    found === undefined ? `missing key: expected ${expected}` : `expected ${expected}, found ${found}`;
  return new InputError(message, {
    place: layers.placeOf(path),
    ...(note ? { note } : {}),
  });
}

function schemaErrors(issues: readonly z.core.$ZodIssue[], layers: Layers): InputError {
  return inputErrors(
    issues.flatMap((issue) => {
      const path = issue.path.filter((segment) => typeof segment !== 'symbol');
      if (issue.code === 'unrecognized_keys') return unknownKeys(issue.keys, path, layers);
      const [expected = '', note] = issue.message.split('\n');
      const value = valueAt(layers.value, path);
      return value === undefined
        ? [wrongValue(layers, path, expected, undefined)]
        : [wrongValue(layers, path, expected, shown(value), note)];
    }),
  );
}

function unknownKeys(keys: readonly string[], path: KeyPath, layers: Layers): InputError[] {
  const known = knownKeys(path);
  return keys.map((key) => {
    const message = `unknown key "${printable(key, 60)}"`;
    return new InputError(message, { place: layers.placeOfKey([...path, key]), note: suggest(key, known) });
  });
}

/** The keys that the schema has at a path, in the order of its file. */
function knownKeys(path: KeyPath): string[] {
  let schema: z.core.$ZodType = machineSchema;
  for (const segment of path) schema = shapeOf(schema)[segment]!;
  return Object.keys(shapeOf(schema));
}

function shapeOf(schema: z.core.$ZodType): z.core.$ZodShape {
  let inner = schema._zod;
  while (inner.def.type === 'optional') inner = (inner.def as z.core.$ZodOptionalDef).innerType._zod;
  return inner.def.type === 'object' ? (inner.def as z.core.$ZodObjectDef).shape : {};
}

function valueAt(value: unknown, path: KeyPath): unknown {
  let here = value;
  for (const segment of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, segment)) return undefined;
    here = (here as Record<string | number, unknown>)[segment];
  }
  return here;
}
