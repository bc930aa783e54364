import type { Command } from 'commander';
import type { FormatDefinition } from '../formats/index.ts';

export function register(program: Command): void {
  program
    .command('formats')
    .description('list the number formats, or show how one is defined')
    .argument('[format]', 'name of a format')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(name: string | undefined, flags: { json?: boolean }): Promise<void> {
  const [{ FORMATS, findFormat }, { printJson }, { renderTable }] = await Promise.all([
    import('../formats/index.ts'),
    import('./print.ts'),
    import('./table.ts'),
  ]);
  const formats = name === undefined ? Object.values(FORMATS) : [findFormat(name)];
  const facts = formats.map(definition);
  if (flags.json) return printJson(name === undefined ? facts : facts[0]);
  if (name !== undefined) {
    const rows = Object.entries(facts[0]!).map(([key, value]) => [words(key), String(value)]);
    return console.log(renderTable([{ title: '' }, { title: '', wrap: true }], rows));
  }
  const columns = [
    { title: 'format' },
    { title: 'bits', align: 'right' as const },
    { title: 'range' },
    { title: 'definition', wrap: true },
  ];
  const rows = facts.map(({ name, bits, range, summary }) => [name, bits, range, summary]);
  console.log(renderTable(columns, rows));
}

/** The facts of a format, in the order to show them. */
function definition({ name, table, summary, source }: FormatDefinition) {
  return { name, ...table, summary, source };
}

function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
