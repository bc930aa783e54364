import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../test/checkpoint-files.ts';
import { commit, type FakeRepository, startHub } from '../../test/checkpoint-hub-server.ts';
import { RunError } from '../errors.ts';
import { hubSettings } from './hub-cache.ts';
import { downloadFile } from './hub-download.ts';

const bytes = new Uint8Array(3_000_000).map((_, i) => (i * 31 + (i >> 8)) % 251);

/** The calls of `download` share nothing but the disk. */
async function setUp(faults: Omit<FakeRepository, 'files'> = {}) {
  const repository: FakeRepository = { files: { 'w.safetensors': bytes }, ...faults };
  const hub = await startHub({ 'owner/name': repository });
  const settings = await hubSettings({ HF_HOME: await temporaryFolder(), HF_ENDPOINT: hub.endpoint });
  const hash = createHash('sha256').update(bytes).digest('hex');
  const target = join(settings.cache, 'blobs', hash);
  const download = (delays: number[], onBytes: (loaded: number) => void = () => {}) =>
    downloadFile(
      `${hub.endpoint}/owner/name/resolve/${commit}/w.safetensors`,
      { path: 'w.safetensors', size: bytes.length, hash },
      target,
      settings,
      { timeout: 2000, delays },
      onBytes,
    );
  const check = async () => {
    expect(Buffer.compare(await readFile(target), bytes)).toBe(0);
    expect(await readdir(dirname(target))).toEqual([hash]);
  };
  return { hub, target, download, check };
}

test('a file that several processes want is downloaded once', async () => {
  // The cuts make it last long enough for the others to see it grow.
  const { hub, download, check } = await setUp({ cuts: [1_000_000, 1_000_000] });
  const loaded: number[][] = [[], [], []];
  await Promise.all(loaded.map((steps) => download([300, 300], (size) => steps.push(size))));
  await check();
  expect(hub.requests.length).toBe(3);
  for (const steps of loaded) {
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps.at(-1)).toBe(bytes.length);
  }
});

test('processes of their own wait for each other too', async () => {
  const { hub, target, check } = await setUp({ cuts: [1_000_000] });
  const call = [
    `${hub.endpoint}/owner/name/resolve/${commit}/w.safetensors`,
    { path: 'w.safetensors', size: bytes.length, hash: basename(target) },
    target,
    { endpoint: hub.endpoint },
    { timeout: 2000, delays: [1000] },
  ];
  const script = `import { downloadFile } from '${new URL('hub-download.ts', import.meta.url)}';
    await downloadFile(...${JSON.stringify(call)}, () => {});`;
  const run = promisify(execFile);
  const args = ['--input-type=module', '-e', script];
  await Promise.all([1, 2, 3].map(() => run(process.execPath, args)));
  await check();
  expect(hub.requests.length).toBe(2);
});

test('who waits goes on where the other one failed', async () => {
  const { hub, download, check } = await setUp({ cuts: [1_500_000] });
  // Either may be first.
  const results = await Promise.allSettled([download([]), download([])]);
  const failed = results.filter((result) => result.status === 'rejected');
  expect(failed.length).toBe(1);
  expect(failed[0]!.reason).toBeInstanceOf(RunError);
  expect(failed[0]!.reason.message).toContain('stopped at 1500000 of 3000000 bytes');
  expect(hub.requests.length).toBe(2);
  expect(hub.requests[1]).toContain('bytes=1500000-');
  await check();
});

test('a lock that nobody keeps alive stops no download', async () => {
  const { target, download, check } = await setUp();
  await mkdir(dirname(target), { recursive: true });
  await writeFile(`${target}.lock`, '');
  const then = new Date(Date.now() - 70_000);
  await utimes(`${target}.lock`, then, then);
  await download([]);
  await check();
  expect((await stat(target)).size).toBe(bytes.length);
});
