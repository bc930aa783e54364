import { createHash } from 'node:crypto';
import type * as z from 'zod';
import type { DatapathPlan } from '../datapath/plan.ts';
import { InputError, suggest } from '../errors.ts';
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
}

/** Processing elements, each of which multiplies and accumulates once a cycle. */
export interface ArrayShape {
  rows: number;
  columns: number;
  dataflow?: 'input-stationary' | 'output-stationary' | 'weight-stationary' | undefined;
}

/**
 * A machine from the text of its file; `file` names it in messages.
 * @throws InputError with file, line, column and key of a mistake; of several mistakes, InputErrors
 */
export function parseMachine(text: string, file: string, readBase: ReadBase = refuseBase): Machine {
  const layers = readLayers(text, file, readBase);
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
  const { name, description = '', array, clock } = parsed.data;
  const record = layers.files
    .map((layer) => layer.text)
    .reverse()
    .join('\n---\n');
  return {
    name,
    description: description.trim(),
    source: file,
    text: record,
    hash: createHash('sha256').update(record).digest('hex'),
    plan,
    ...(array && { array }),
    ...(clock !== undefined && { clock }),
  };
}

/** Multiply-accumulate operations a second when every processing element is busy; undefined without array or clock. */
export function peakRate({ array, clock }: Machine): number | undefined {
  return array && clock !== undefined ? array.rows * array.columns * clock : undefined;
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
  found: string,
  note?: string,
): InputError {
  return new InputError(`expected ${expected}, found ${found}`, {
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
      if (value !== undefined) return [wrongValue(layers, path, expected, shown(value), note)];
      return [new InputError(`missing key: expected ${expected}`, { place: layers.placeOf(path) })];
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
