/**
 * Looks for the best machine: runs a model on many variants of one and keeps what is cheapest among the good ones.
 *
 * May import evaluate, machine, datapath, model, formats, errors.ts and version.ts.
 */

export { combinationFile } from './combination-machine.ts';
export {
  type PrecisionSearchOptions,
  type PrecisionSearchResult,
  type PrecisionSearchStep,
  searchMachinePrecision,
} from './machine-precision.ts';
export { type Combination, type SearchOutcome, type SearchStep, searchPrecision } from './precision.ts';
export { readClasses, SITE_CLASSES, type SiteClass } from './site-classes.ts';
export { readVariation, type Variation } from './variation.ts';
