/** Puts the table of formats into docs/formats.md: node tools/formats-table.ts */
import { readFile, writeFile } from 'node:fs/promises';
import { markdownTable } from '../src/cli/print-formats.ts';
import { FORMATS } from '../src/formats/index.ts';

const FILE = new URL('../docs/formats.md', import.meta.url);
const START = '<!-- made by tools/formats-table.ts -->\n';

const text = await readFile(FILE, 'utf8');
const at = text.indexOf(START);
if (at < 0) throw new Error(`docs/formats.md lacks the line ${START.trim()}`);
await writeFile(FILE, `${text.slice(0, at)}${START}\n${markdownTable(Object.values(FORMATS))}\n`);
