import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import { type KeyPath, printable } from './mistakes.ts';

/** Far beyond any machine file, and far below what would overflow the stack of the recursive steps. */
const MAX_DEPTH = 40;
/** Entries of one map or list: bounds the steps that look at every pair of them. */
const MAX_ENTRIES = 1000;
/** Enough for anchors in good files, too few for an alias bomb. */
export const MAX_ALIASES = 100;

/** Something in a document that is refused whatever the keys mean. */
export interface Refusal {
  offset: number;
  path: KeyPath;
  message: string;
}

/** A token of the YAML parser, as far as nesting is concerned. */
interface Token {
  offset?: number;
  value?: unknown;
  items?: { key?: unknown; value?: unknown }[];
}

/** The first token found below the depth limit; needs no recursion itself, so that the later steps may recurse. */
export function findDeep(tokens: readonly unknown[]): Refusal | undefined {
  const stack = tokens.map((token) => ({ token: token as Token, depth: 1 }));
  while (stack.length > 0) {
    const { token, depth } = stack.pop()!;
    if (depth > MAX_DEPTH) {
      return { offset: token.offset ?? 0, path: [], message: `nested deeper than ${MAX_DEPTH} levels` };
    }
    const inner: unknown[] = [token.value];
    for (const item of token.items ?? []) inner.push(item.key, item.value);
    for (const child of inner) {
      if (typeof child === 'object' && child !== null)
        stack.push({ token: child as Token, depth: depth + 1 });
    }
  }
  return undefined;
}

/** Keys that occur twice, collections that are too large, aliases that lead nowhere or into themselves. */
export function findRefusals(document: Document): Refusal[] {
  const search = new Search();
  search.visit(document.contents, []);
  if (search.aliases > MAX_ALIASES) {
    const message = `expected at most ${MAX_ALIASES} aliases, found ${search.aliases}`;
    search.refusals.push({ offset: offsetOf(document.contents) ?? 0, path: [], message });
  }
  return search.refusals;
}

class Search {
  readonly refusals: Refusal[] = [];
  aliases = 0;
  /** Anchors before this point of the document, and those of the collections around it. */
  readonly #anchors = new Set<string>();
  readonly #open = new Set<string>();

  visit(node: unknown, path: KeyPath): void {
    if (isAlias(node)) {
      this.#alias(node, path);
      return;
    }
    const anchor = (node as (Node & { anchor?: string }) | null)?.anchor;
    if (anchor !== undefined) this.#anchors.add(anchor);
    if (!isMap(node) && !isSeq(node)) return;
    if (node.items.length > MAX_ENTRIES) {
      this.#refuse(node, path, `expected at most ${MAX_ENTRIES} entries, found ${node.items.length}`);
      return;
    }
    if (anchor !== undefined) this.#open.add(anchor);
    if (isSeq(node)) for (const [index, item] of node.items.entries()) this.visit(item, [...path, index]);
    else {
      const seen = new Set<string>();
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : '';
        if (seen.has(name)) this.#refuse(key, [...path, name], 'the key occurs twice in this map');
        seen.add(name);
        this.visit(key, path);
        this.visit(value, [...path, name]);
      }
    }
    if (anchor !== undefined) this.#open.delete(anchor);
  }

  #alias(alias: { source: string }, path: KeyPath): void {
    this.aliases++;
    const name = printable(alias.source, 60);
    if (!this.#anchors.has(alias.source))
      this.#refuse(alias, path, `the alias *${name} has no anchor &${name} before it`);
    else if (this.#open.has(alias.source))
      this.#refuse(alias, path, `the alias *${name} stands within its own anchor`);
  }

  #refuse(node: unknown, path: KeyPath, message: string): void {
    this.refusals.push({ offset: offsetOf(node) ?? 0, path, message });
  }
}

export function offsetOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0];
}
