/** Runs benchmarks by name, or all: `npm run bench -- prefill workers`. */
import { InputError, suggest } from '../src/errors.ts';
import { printRows, type Row } from './row.ts';

const BENCHMARKS: Record<string, { title: string; load: () => Promise<{ run(): Promise<Row[]> }> }> = {
  gemm: { title: 'kernels, one core, 512 x 768 x 3072', load: () => import('./gemm.ts') },
  formats: {
    title: 'formats, one core, fake quantisation of 4096 x 4096 float32',
    load: () => import('./formats.ts'),
  },
  products: {
    title: 'products of formats with scales, one core, 512 x 768 x 3072',
    load: () => import('./products.ts'),
  },
  prefill: { title: 'prefill, GPT-2-small shape, 512 tokens, two cores', load: () => import('./prefill.ts') },
  'prefill-formats': {
    title: 'the same in formats with scales, one thread',
    load: () => import('./prefill-formats.ts'),
  },
  workers: { title: 'many documents', load: () => import('./workers.ts') },
  streaming: { title: '7B shape in BF16, streamed by layers', load: () => import('./streaming.ts') },
  olive: { title: 'outlier-victim pairs, one core', load: () => import('./olive.ts') },
  systolic: { title: 'cost of GEMMs on systolic arrays, one core', load: () => import('./systolic.ts') },
  tiling: {
    title: 'tiling search, one OPT-6.7B prefill of 2048 tokens, 4 bits, 128 x 128',
    load: () => import('./tiling.ts'),
  },
  'format-error': {
    title: 'what formats of about 4 bits lose, SNR',
    load: () => import('./format-error.ts'),
  },
  cost: { title: 'cost of an OPT-6.7B prefill of 2048 tokens, 128 x 128', load: () => import('./cost.ts') },
  startup: { title: 'start', load: () => import('./startup.ts') },
};

const names = process.argv.slice(2);
for (const name of names) {
  if (!Object.hasOwn(BENCHMARKS, name)) {
    const { message, note } = new InputError(`no benchmark "${name}"`, {
      note: suggest(name, Object.keys(BENCHMARKS)),
    });
    console.error(`error: ${message}\n  ${note}`);
    process.exit(2);
  }
}
for (const name of names.length ? names : Object.keys(BENCHMARKS)) {
  const { title, load } = BENCHMARKS[name]!;
  printRows(title, await (await load()).run());
}
