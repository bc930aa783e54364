import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, Parser } from 'yaml';
import { InputError, type Place } from '../errors.ts';
import { dotted, inputErrors, type KeyPath, printable } from './mistakes.ts';
import { findDeep, findRefusals, MAX_ALIASES, offsetOf } from './yaml-checks.ts';

/** Machine files are about a kilobyte. The time to refuse one is in proportion to its size, below 1 s at this limit. */
export const MAX_BYTES = 64 * 1024;

/** The value of a YAML file, and where its parts stand. */
export interface YamlFile {
  file: string;
  text: string;
  /** Maps, lists, strings, numbers, booleans and null. */
  value: unknown;
  /** How many segments of the path the file has. */
  depthOf(path: KeyPath): number;
  /** Where the value at a path stands, or the nearest thing around it that is there. */
  placeOf(path: KeyPath): Place;
  /** Where the key itself stands, for complaints about the key. */
  placeOfKey(path: KeyPath): Place;
}

/**
 * Reads one YAML document. Takes time and memory in proportion to the text, however hostile it is.
 * @throws InputError with the place of every syntax mistake.
 */
export function readYaml(text: string, file: string): YamlFile {
  const size = Buffer.byteLength(text);
  if (size > MAX_BYTES) {
    throw new InputError(`expected at most ${MAX_BYTES} bytes, found ${size}`, { place: { file } });
  }
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };

  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const nul = text.indexOf('\0');
  if (nul >= 0) throw new InputError('expected text, found a NUL byte', { place: placeAt(nul) });
  const document = composeDocument(tokens, text.length, placeAt);
  const mistakes = [...document.errors, ...document.warnings].map(
    (error) => new InputError(printable(error.message), { place: placeAt(error.pos[0]) }),
  );
  for (const { offset, path, message } of findRefusals(document)) {
    const key = path.length > 0 ? { key: dotted(path) } : {};
    mistakes.push(new InputError(message, { place: { ...placeAt(offset), ...key } }));
  }
  if (mistakes.length > 0) throw inputErrors(mistakes);

  const nodesOn = (path: KeyPath) => walk(document, path);
  return {
    file,
    text,
    value: toValue(document, placeAt),
    depthOf: (path) => nodesOn(path).length,
    placeOf: (path) => placeAt(nodesOn(path).at(-1)?.value ?? startOf(document)),
    placeOfKey: (path) => placeAt(nodesOn(path).at(-1)?.key ?? startOf(document)),
  };
}

type Tokens = ReturnType<Parser['parse']> extends Iterable<infer T> ? T[] : never;

/** Refuses deep nesting, because composing recurses; parsing to tokens does not. */
function composeDocument(tokens: Tokens, length: number, placeAt: (offset: number) => Place): Document {
  const deep = findDeep(tokens);
  if (deep) throw new InputError(deep.message, { place: placeAt(deep.offset) });
  // Duplicate keys are looked for below: the library compares every pair of keys, which is quadratic.
  const composer = new Composer({ uniqueKeys: false, stringKeys: true });
  const documents = [...composer.compose(tokens, true, length)];
  if (documents.length > 1) {
    throw new InputError(`expected one YAML document, found ${documents.length}`, {
      place: placeAt(documents[1]!.range[0]),
    });
  }
  return documents[0]! as unknown as Document;
}

function toValue(document: Document, placeAt: (offset: number) => Place): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    // Aliases of aliases: the library counts what they stand for, not how many they are.
    const place = placeAt(startOf(document));
    throw new InputError(printable(String((error as Error).message)), { place });
  }
}

/** Offsets of key and value for every segment of a path, as far as the document has it. */
function walk(document: Document, path: KeyPath): { key: number; value: number }[] {
  const steps: { key: number; value: number }[] = [];
  let node: unknown = document.contents;
  for (const segment of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (!pair) break;
      const key = offsetOf(pair.key) ?? 0;
      steps.push({ key, value: offsetOf(pair.value) ?? key });
      node = pair.value;
    } else if (isSeq(node) && typeof segment === 'number' && segment < node.items.length) {
      node = node.items[segment];
      const offset = offsetOf(node) ?? steps.at(-1)?.value ?? 0;
      steps.push({ key: offset, value: offset });
    } else break;
  }
  return steps;
}

function startOf(document: Document): number {
  return offsetOf(document.contents) ?? 0;
}
