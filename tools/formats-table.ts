/** Puts the table of formats into docs/formats.md: node tools/formats-table.ts */
import { readFile, writeFile } from 'node:fs/promises';
import { markdownTable } from '../src/cli/print-formats.ts';
import { FORMATS } from '../src/formats/index.ts';

const FILE = new URL('../docs/formats.md', import.meta.url);
const START = '<!-- made by tools/formats-table.ts -->\n';
const END = '<!-- end of what tools/formats-table.ts makes -->\n';

const text = await readFile(FILE, 'utf8');
const [start, end] = [text.indexOf(START), text.indexOf(END)];
if (start < 0 || end < start)
  throw new Error(`docs/formats.md lacks ${START.trim()} or ${END.trim()} below it`);
const table = markdownTable(Object.values(FORMATS));
await writeFile(FILE, `${text.slice(0, start)}${START}\n${table}\n\n${text.slice(end)}`);
