import { InputError, type Place } from '../errors.ts';
import { dotted, type KeyPath } from './mistakes.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

/** A machine file's text, or that of what it extends, under the name that messages give it. */
export interface SourceText {
  text: string;
  file: string;
}

/** Finds what `extends: NAME` in `file` means. @throws InputError if there is no such machine. */
export type ReadBase = (name: string, file: string) => SourceText;

/** More would be a riddle, not a machine. */
const MAX_LAYERS = 8;

/** A machine file laid over the files that it extends. */
export interface Layers {
  /** The file itself first, then what it extends, and so on. */
  files: readonly YamlFile[];
  /** The merged value, to be validated. */
  value: unknown;
  /** Where the value at a path stands: in the uppermost file that has it. */
  placeOf(path: KeyPath): Place;
  placeOfKey(path: KeyPath): Place;
}

/** @throws InputError */
export function readLayers(text: string, file: string, readBase: ReadBase): Layers {
  const files = [readYaml(text, file)];
  for (let top = files[0]!; ; top = files.at(-1)!) {
    const base = extendedName(top.value);
    if (base === undefined) break;
    const place = { ...top.placeOf(['extends']), key: 'extends' };
    if (files.length === MAX_LAYERS) {
      throw new InputError(`expected at most ${MAX_LAYERS} machine files that extend each other`, { place });
    }
    const source = findBase(base, top.file, place, readBase);
    if (files.some((known) => known.file === source.file)) {
      throw new InputError(`expected another machine, found "${base}", which extends this one`, { place });
    }
    files.push(readYaml(source.text, source.file));
  }

  const deepest = (path: KeyPath) => files.find((layer) => layer.depthOf(path) === path.length) ?? files[0]!;
  return {
    files,
    value: files.map((layer) => layer.value).reduceRight((base, over) => merge(withoutIdentity(base), over)),
    placeOf: (path) => ({ ...deepest(path).placeOf(path), ...keyOf(path) }),
    placeOfKey: (path) => ({ ...deepest(path).placeOfKey(path), ...keyOf(path) }),
  };
}

function keyOf(path: KeyPath): { key?: string } {
  return path.length === 0 ? {} : { key: dotted(path) };
}

/** An `extends` that is no text is left to the schema, which says so. */
function extendedName(value: unknown): string | undefined {
  if (!isMap(value) || typeof value.extends !== 'string' || value.extends === '') return undefined;
  return value.extends;
}

function findBase(name: string, file: string, place: Place, readBase: ReadBase): SourceText {
  try {
    return readBase(name, file);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.message, {
      place,
      cause: error,
      ...(error.note === undefined ? {} : { note: error.note }),
    });
  }
}

/** A name and a description belong to one machine and are not inherited. */
function withoutIdentity(value: unknown): unknown {
  if (!isMap(value)) return value;
  const { name: _, description: __, extends: ___, ...rest } = value;
  return rest;
}

/**
 * Lays one value over another: maps key by key, everything else as a whole. A map that names a `format` is an
 * encoding of its own and replaces the one below, whose granularity was meant for another format.
 */
function merge(base: unknown, over: unknown): unknown {
  if (!isMap(base) || !isMap(over) || Object.hasOwn(over, 'format')) return over;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    merged.set(key, merge(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
