import { Composer, type Document, isAlias, isMap, isScalar, isSeq, LineCounter, Parser, visit } from 'yaml';
import { InputError, type Place } from '../errors.ts';
import { inputErrors, printable } from './mistakes.ts';

/** Machine files are about a kilobyte; reading one takes time in proportion to its size, about 1 s at this limit. */
export const MAX_BYTES = 256 * 1024;
/** Far beyond any machine file, and far below what would overflow the stack of the recursive steps. */
const MAX_DEPTH = 40;
/** How many values aliases may repeat: enough for anchors in good files, too few for an alias bomb. */
const MAX_ALIASES = 100;

/** A path into a file: map keys and list indices. */
export type KeyPath = readonly (string | number)[];

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
  const duplicates = findDuplicates(document);
  const mistakes = [...document.errors, ...document.warnings].map(
    (error) => new InputError(printable(error.message), { place: placeAt(error.pos[0]) }),
  );
  for (const { key, offset } of duplicates) {
    mistakes.push(new InputError('the key occurs twice in this map', { place: { ...placeAt(offset), key } }));
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
  if (deep !== undefined) {
    throw new InputError(`nested deeper than ${MAX_DEPTH} levels`, { place: placeAt(deep) });
  }
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

/** A token of the YAML parser, as far as nesting is concerned. */
interface Token {
  offset?: number;
  value?: unknown;
  items?: { key?: unknown; value?: unknown }[];
}

/** Offset of the first token found below the depth limit. */
function findDeep(tokens: readonly unknown[]): number | undefined {
  const stack = tokens.map((token) => ({ token: token as Token, depth: 1 }));
  while (stack.length > 0) {
    const { token, depth } = stack.pop()!;
    if (depth > MAX_DEPTH) return token.offset ?? 0;
    const inner: unknown[] = [token.value];
    for (const item of token.items ?? []) inner.push(item.key, item.value);
    for (const child of inner) {
      if (typeof child === 'object' && child !== null)
        stack.push({ token: child as Token, depth: depth + 1 });
    }
  }
  return undefined;
}

function findDuplicates(document: Document): { key: string; offset: number }[] {
  const found: { key: string; offset: number }[] = [];
  const search = (node: unknown, path: KeyPath) => {
    if (isSeq(node)) for (const [index, item] of node.items.entries()) search(item, [...path, index]);
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      if (seen.has(name)) found.push({ key: dotted([...path, name]), offset: offsetOf(pair.key) ?? 0 });
      seen.add(name);
      search(pair.value, [...path, name]);
    }
  };
  search(document.contents, []);
  return found;
}

function toValue(document: Document, placeAt: (offset: number) => Place): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    // An alias without its anchor, or more repetitions than allowed; the library does not say which alias.
    let place = placeAt(startOf(document));
    visit(document, {
      Alias(_, alias) {
        place = placeAt(alias.range?.[0] ?? 0);
        return alias.resolve(document) ? undefined : visit.BREAK;
      },
    });
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

function offsetOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0];
}

function startOf(document: Document): number {
  return offsetOf(document.contents) ?? 0;
}

/** `sites.q.weights`, `requantize[2]`; segments that are not plain words are quoted. */
export function dotted(path: KeyPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else {
      const word = /^[\w-]{1,60}$/.test(segment) ? segment : JSON.stringify(printable(segment, 60));
      text += text === '' ? word : `.${word}`;
    }
  }
  return text;
}
