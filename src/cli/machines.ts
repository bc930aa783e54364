import type { Command } from 'commander';
import type { Machine } from '../machine/index.ts';

interface Flags {
  schema?: boolean;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command('machines')
    .description('list the preset machines, or show how one is defined')
    .argument('[machine]', 'preset or YAML file')
    .option('--schema', 'print the JSON Schema of machine files')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(name: string | undefined, flags: Flags): Promise<void> {
  const [machines, { printJson }] = await Promise.all([import('../machine/index.ts'), import('./print.ts')]);
  if (flags.schema) return printJson(machines.machineJsonSchema());
  if (name !== undefined) return show(await machines.loadMachine(name), flags);

  const presets = await Promise.all(machines.presetNames().map(machines.loadMachine));
  const rows = presets.map((machine) => ({
    name: machine.name,
    operands: machines.describeOperands(machine),
    description: machine.description,
  }));
  if (flags.json) return printJson(rows);
  const { renderTable } = await import('./table.ts');
  const columns = [
    { title: 'machine' },
    { title: 'weights × activations' },
    { title: 'description', wrap: true },
  ];
  console.log(renderTable(columns, rows.map(Object.values)));
}

async function show(machine: Machine, { json }: Flags): Promise<void> {
  const [{ describeSites, formatFrequency, peakRate }, { printJson }, { renderTable }] = await Promise.all([
    import('../machine/index.ts'),
    import('./print.ts'),
    import('./table.ts'),
  ]);
  const { array, clock, text } = machine;
  const rate = peakRate(machine);
  if (json) return printJson({ ...machine, ...(rate !== undefined && { peakRate: rate }) });

  console.log(`${machine.name} (${machine.source}, SHA-256 ${machine.hash.slice(0, 12)})\n`);
  console.log(`${text.trimEnd()}\n`);
  const columns = [
    { title: 'GEMM sites', wrap: true },
    { title: 'weights' },
    { title: 'activations' },
    { title: 'sums' },
    { title: 'besides', wrap: true },
  ];
  const rows = describeSites(machine).map(({ sites, weights, activations, accumulator, remarks }) => [
    sites.join(' '),
    weights,
    activations,
    accumulator,
    remarks,
  ]);
  console.log(renderTable(columns, rows));
  if (array) {
    const dataflow = array.dataflow ? `, ${array.dataflow}` : '';
    const size =
      array.rows === undefined ? array.device : `${array.rows} x ${array.columns} processing elements`;
    console.log(`\narray: ${array.kind}, ${size}${dataflow}`);
  }
  if (clock !== undefined) console.log(`clock: ${formatFrequency(clock)}`);
  if (rate !== undefined)
    console.log(`peak rate: ${(rate / 1e12).toPrecision(4)} TMAC/s (rows x columns x clock)`);
}
