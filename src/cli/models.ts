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
    sites: await siteShapes(checkpoint),
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

/**
 * The GEMM sites of a model in the order of execution: how many there are, and the shape of their weight. The attention
 * products have none: qk reads headSize values for each pair of positions, sv writes as many.
 */
async function siteShapes(checkpoint: Checkpoint) {
  const { describeModel, SITE_NAMES } = await import('../model/index.ts');
  const { architecture, config } = describeModel(checkpoint);
  const plans = [
    ...architecture
      .layer(config, 0)
      .projections.flat()
      .map((plan) => ({ ...plan, products: config.layers })),
    ...architecture
      .frame(config)
      .projections.flat()
      .map((plan) => ({ ...plan, products: 1 })),
  ];
  const shapes = plans.map(({ site, products, inputs, outputs }) => ({
    site,
    products,
    inputs: inputs as number | string,
    outputs: outputs as number | string,
  }));
  const products = config.layers * config.heads;
  shapes.push({ site: 'qk', products, inputs: config.headSize, outputs: 'tokens' });
  shapes.push({ site: 'sv', products, inputs: 'tokens', outputs: config.headSize });
  return shapes.sort((a, b) => SITE_NAMES.indexOf(a.site) - SITE_NAMES.indexOf(b.site));
}

function grouped(value: number): string {
  return value.toLocaleString('en');
}
