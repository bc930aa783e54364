import type { Command } from 'commander';
import type { FloatFormat, IntegerFormat } from '../formats/index.ts';

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
    { title: 'max', align: 'right' as const },
    { title: 'definition', wrap: true },
  ];
  const rows = facts.map(({ name, bits, max, summary }) => [name, String(bits), short(max), summary]);
  console.log(renderTable(columns, rows));
}

/** The facts of a format, in the order to show them. */
function definition(format: FloatFormat | IntegerFormat) {
  const { name, kind, bits, max, summary, source } = format;
  const fields =
    format.kind === 'float' ? { exponentBits: format.exponentBits, mantissaBits: format.mantissaBits } : {};
  return { name, kind, bits, ...fields, max, summary, source };
}

function short(value: number): string {
  return value < 1e6 ? String(value) : value.toExponential(4);
}

function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
