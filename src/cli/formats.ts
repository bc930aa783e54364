import { type Command, Option } from 'commander';

interface Flags {
  json?: boolean;
  markdown?: boolean;
}

export function register(program: Command): void {
  program
    .command('formats')
    .description('list the number formats, or show how one is defined')
    .argument('[format]', 'name of a format')
    .addOption(new Option('--markdown', 'print the table of docs/formats.md').conflicts('json'))
    .option('--json', 'print JSON')
    .action(run);
}

async function run(name: string | undefined, flags: Flags): Promise<void> {
  const [{ FORMATS, findFormat }, print] = await Promise.all([
    import('../formats/index.ts'),
    import('./print-formats.ts'),
  ]);
  const formats = name === undefined ? Object.values(FORMATS) : [findFormat(name)];
  if (flags.markdown) console.log(print.markdownTable(formats));
  else if (flags.json) print.printFormatsJson(formats, name !== undefined);
  else if (name === undefined) print.printFormats(formats);
  else print.printFormat(formats[0]!);
}
