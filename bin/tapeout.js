#!/usr/bin/env node
// Plain JavaScript that any Node can read: it finds a Node that can run the TypeScript sources.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const REQUIRED = 24;
const source = new URL('../src/cli/main.ts', import.meta.url);
const main = existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url);

if (Number(process.versions.node.split('.')[0]) >= REQUIRED) {
  // Before the sources are read, so that their stripped and compiled form is kept too.
  (await import('node:module')).enableCompileCache();
  await import(main.href);
} else {
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const name = platform === 'darwin-arm64' ? `node-bin-${platform}` : `node-${platform}`;
  let node;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    node = manifest.replace(/package\.json$/, process.platform === 'win32' ? 'bin/node.exe' : 'bin/node');
  } catch {
    console.error(
      `tapeout needs Node ${REQUIRED} or newer; this is ${process.version}, and the package ${name} is not installed.\n` +
        '  Run "npm ci" (it brings Node 24 as a package) or install Node 24.',
    );
    process.exit(1);
  }
  const child = spawnSync(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  if (child.error) throw child.error;
  if (child.signal) process.kill(process.pid, child.signal);
  process.exit(child.status ?? 1);
}
