import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function node(program: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: ROOT,
    encoding: 'utf8',
  });
}

describe('the package as it is published', () => {
  beforeAll(() => {
    execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', 'tsconfig.build.json'], {
      cwd: ROOT,
    });
  });

  it('is a library that evaluates on worker threads', () => {
    const output = node(`
      import { evaluate, loadMachine, loadModel } from 'tapeout';
      const model = await loadModel('demo-llama');
      const { result } = await evaluate(model, await loadMachine('int8'), { metricOptions: { limit: 3 }, workers: 2 });
      await model.checkpoint.close();
      console.log(JSON.stringify(result));
    `);
    expect(JSON.parse(output)).toMatchObject({ metric: 'perplexity', documents: 3 });
  });

  it('is a command', () => {
    const output = node(`
      process.argv.push('formats', '--json');
      await import('./dist/cli/main.js');
    `);
    expect(JSON.parse(output).map((format: { name: string }) => format.name)).toContain('int8');
  });

  it('holds what it needs and nothing else', () => {
    const [{ files }] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        cwd: ROOT,
        encoding: 'utf8',
        shell: true,
      }),
    ) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    for (const needed of [
      'bin/tapeout.js',
      'dist/kernels.wasm',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/evaluate/worker.js',
      'machines/int8.yaml',
      'models/demo-llama/model.safetensors',
      'models/texts/stories.txt',
    ]) {
      expect(paths).toContain(needed);
    }
    expect(paths.filter((path) => /^(src|test|tools|bench)\/|training/.test(path))).toEqual([]);
  });
});
