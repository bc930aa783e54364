import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of presets, the same seen from src/machine and from dist/machine. */
const FOLDER = new URL('../../machines/', import.meta.url);
const ENDING = '.yaml';

/** Names of the presets, in alphabetical order. */
export function presetNames(): string[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(ENDING));
  return files.map((file) => file.slice(0, -ENDING.length)).sort();
}

/** Path of a preset's file; the name must be one of `presetNames()`. */
export function presetPath(name: string): string {
  return fileURLToPath(new URL(`${name}${ENDING}`, FOLDER));
}

/** Text of a preset; the name must be one of `presetNames()`. */
export function presetText(name: string): string {
  return readFileSync(presetPath(name), 'utf8');
}
