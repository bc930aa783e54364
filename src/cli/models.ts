import type { Command } from 'commander';
import type { Checkpoint } from '../checkpoint/index.ts';

interface Flags {
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command('models')
    .description('list the demo models, or show what a checkpoint holds')
    .argument('[model]', 'folder, demo model or hub id in the cache')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(name: string | undefined, flags: Flags): Promise<void> {
  if (name !== undefined) return show(name, flags);
  const [{ demoModels }, { printJson }, { renderTable }] = await Promise.all([
    import('../checkpoint/index.ts'),
    import('./print.ts'),
    import('./table.ts'),
  ]);
  const models = [];
  for (const demo of demoModels) models.push(await withCheckpoint(demo, summary));
  if (flags.json) return printJson(models);
  const right = 'right' as const;
  const columns = [
    { title: 'model' },
    { title: 'architecture' },
    { title: 'layers', align: right },
    { title: 'width', align: right },
    { title: 'heads', align: right },
    { title: 'vocabulary', align: right },
    { title: 'parameters', align: right },
    { title: 'MB', align: right },
  ];
  const rows = models.map((model) => [
    model.name,
    `${model.architecture} ${model.kind}`,
    ...[model.layers, model.width, model.heads, model.vocabulary].map(String),
    grouped(model.parameters),
    (model.bytes / 1e6).toFixed(1),
  ]);
  console.log(renderTable(columns, rows));
}

async function show(name: string, { json }: Flags): Promise<void> {
  const [{ printJson }, { renderTable }] = await Promise.all([import('./print.ts'), import('./table.ts')]);
  const { facts, sites } = await withCheckpoint(name, async (checkpoint) => ({
    facts: await summary(checkpoint),
    sites: await shapesOf(checkpoint),
  }));
  if (json) return printJson({ ...facts, sites });
  const lines = Object.entries(facts).map(([key, value]) => [
    key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
    typeof value === 'number' ? grouped(value) : String(value),
  ]);
  console.log(`${renderTable([{ title: '' }, { title: '', wrap: true }], lines)}\n`);
  const right = 'right' as const;
  const columns = [
    { title: 'GEMM site' },
    { title: 'products', align: right },
    { title: 'inputs', align: right },
    { title: 'outputs', align: right },
  ];
  const rows = sites.map((site) => [site.site, ...[site.products, site.inputs, site.outputs].map(String)]);
  console.log(renderTable(columns, rows));
}

/** Opens, reads and closes. A listing never downloads. */
async function withCheckpoint<T>(name: string, read: (checkpoint: Checkpoint) => Promise<T>): Promise<T> {
  const { openCheckpoint } = await import('../checkpoint/index.ts');
  const checkpoint = await openCheckpoint(name, { offline: true });
  try {
    return await read(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

async function summary(checkpoint: Checkpoint) {
  const { describeModel } = await import('../model/index.ts');
  const { architecture, config } = describeModel(checkpoint);
  const tensors = [...checkpoint.tensors.values()];
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return {
    name: checkpoint.name,
    architecture: architecture.name,
    kind: architecture.kind,
    layers: config.layers,
    width: config.hidden,
    heads: config.heads,
    keyValueHeads: config.keyValueHeads,
    headSize: config.headSize,
    feedForward: config.intermediate,
    vocabulary: config.vocabulary,
    context: config.context,
    tensors: tensors.length,
    types: [...new Set(tensors.map(({ dtype }) => dtype))].sort().join(', '),
    parameters: sum(tensors.map(({ shape }) => shape.reduce((product, size) => product * size, 1))),
    bytes: sum(tensors.map(({ bytes }) => bytes)),
  };
}

async function shapesOf(checkpoint: Checkpoint) {
  const { describeModel, siteShapes } = await import('../model/index.ts');
  const { architecture, config } = describeModel(checkpoint);
  return siteShapes(architecture, config);
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}
