import { readFileSync } from 'node:fs';

/** The package's version; src/ and dist/ are equally deep. */
export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version;
