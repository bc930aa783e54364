/**
 * The papers' tables and figures against ours, one file a paper; each entry is a published number, ours, and how far
 * they are apart. May import every room below cli/.
 */
export type { Entry, Reproduction } from './entry.ts';
export { basisOf, reproduce, type Score, scoreOf } from './papers.ts';
