// Runs after `npm ci`, and once more when npx links the checkout: builds what is not up to date. Plain JavaScript,
// because npm may run it with a Node that reads no TypeScript.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const newest = (folder) =>
  readdirSync(folder, { recursive: true })
    .map((name) => statSync(join(folder, name)).mtimeMs)
    .reduce((a, b) => Math.max(a, b), 0);

const built = ['dist/kernels.wasm', 'dist/index.js'].map((file) =>
  existsSync(file) ? statSync(file).mtimeMs : 0,
);
const installed = existsSync('node_modules/assemblyscript');

// npx before `npm ci`: let it link, so that the launcher can say what is missing.
if (installed && Math.min(...built) < newest('src')) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: true });
  process.exit(status ?? 1);
}
