import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../errors.ts';

interface Flags {
  format?: string;
  set?: Record<string, string>;
  granularity?: string;
  tensor?: string;
  values?: string;
  out?: string;
  pack?: string;
  unpack?: boolean;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command('quantize')
    .description('put tensors, or a few numbers, through a number format')
    .argument('[file]', '.npy, .safetensors or packed file')
    .option('--format <name>', 'number format (tapeout formats lists them)')
    .option('--set <key=value...>', 'settings of the format', setting)
    .option('--granularity <what>', 'what shares a scale: tensor, channel, token, group:N')
    .option('--tensor <name>', 'one tensor of the file (default: all of floats with two axes)')
    .option('--values <numbers>', 'numbers instead of a file, such as "1.5,2.6,-5.2"; shows their codes')
    .option('--out <file>', 'write the values that the codes carry, float32: .npy or .safetensors')
    .option('--pack <file>', 'write the bits: a packed file')
    .option('--unpack', 'write the values of a packed file to --out')
    .option('--json', 'print JSON')
    .action(run);
}

function setting(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected key=value.');
  return { ...previous, [text.slice(0, at).trim()]: text.slice(at + 1).trim() };
}

async function run(path: string | undefined, flags: Flags): Promise<void> {
  checkFlags(path, flags);
  const [formats, { createKernels }, print] = await Promise.all([
    import('../formats/index.ts'),
    import('../kernels/index.ts'),
    import('./print-quantized.ts'),
  ]);
  if (flags.unpack) {
    const { unpackFile } = await import('../tensor-files/index.ts');
    const tensors = await unpackFile(await createKernels(), path!, flags.out!, flags.tensor);
    print.printUnpacked(tensors, flags.out!, flags);
    return;
  }
  if (flags.format === undefined)
    throw new InputError('expected --format with a name, found none', {
      note: `known: ${Object.keys(formats.FORMATS).join(', ')}`,
    });
  const format = formats.createFormat(flags.format, flags.set, flags.granularity);
  if (flags.values !== undefined) {
    const numbers = readNumbers(flags.values);
    const place = { key: '--values' };
    const result = formats.quantizeNumbers(await createKernels(), numbers, format, place);
    const width = format.codeBits ?? Number.parseInt(formats.findFormat(flags.format).table.bits, 10);
    print.printNumbers(result, width, flags);
    return;
  }
  const [{ quantizeFile }, { createProgress }] = await Promise.all([
    import('../tensor-files/index.ts'),
    import('./progress.ts'),
  ]);
  const progress = createProgress();
  try {
    const { tensor, out, pack } = flags;
    const reports = await quantizeFile(await createKernels(), path!, format, {
      tensor,
      out,
      pack,
      onProgress: ({ tensor, done, total }) =>
        progress.report({ label: `${format.name} of ${tensor}`, done, total, unit: 'values' }),
    });
    progress.finish();
    print.printReports(reports, path!, flags);
  } finally {
    progress.finish();
  }
}

function checkFlags(path: string | undefined, flags: Flags): void {
  if (path === undefined && flags.values === undefined)
    throw new InputError('expected a file, or numbers after --values, found neither', {
      note: 'for example: tapeout quantize x.npy --format int8',
    });
  if (path !== undefined && flags.values !== undefined)
    throw new InputError(`expected a file or --values, found both (${path})`);
  const refused = flags.unpack
    ? (['format', 'set', 'granularity', 'pack', 'values'] as const)
    : flags.values !== undefined
      ? (['tensor', 'out', 'pack'] as const)
      : [];
  for (const flag of refused)
    if (flags[flag] !== undefined)
      throw new InputError(`--${flag} does not go with ${flags.unpack ? '--unpack' : '--values'}`);
  if (flags.unpack && flags.out === undefined)
    throw new InputError('expected --out with --unpack: where the values are to be written');
}

/** Numbers between commas or spaces. */
function readNumbers(text: string): Float32Array {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const bad = words.find(
    (word) => !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?(inf|infinity|nan)$/i.test(word),
  );
  if (bad !== undefined || words.length === 0)
    throw new InputError(`expected numbers between commas, found ${JSON.stringify(bad ?? text)}`, {
      place: { key: '--values' },
    });
  return Float32Array.from(words, (word) => Number(word.replace(/^([+-]?)inf(inity)?$/i, '$1Infinity')));
}
