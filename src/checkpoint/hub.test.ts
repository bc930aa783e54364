import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inputErrorOf, safetensorsBytes, temporaryFolder, writeFiles } from '../../test/checkpoint-files.ts';
import { commit, type FakeRepository, startHub } from '../../test/checkpoint-hub-server.ts';
import { RunError } from '../errors.ts';
import { type HubOptions, type Progress, parseHubId } from './hub.ts';
import { openCheckpoint } from './open.ts';

const text = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** 4 MB in a pattern that shows any byte in the wrong place. */
const values = new Uint8Array(4_000_000).map((_, i) => (i * 31 + (i >> 8)) % 251);
const weightsFile = (name: string) =>
  safetensorsBytes(
    { [name]: { dtype: 'U8', shape: [1000, 4000], data_offsets: [0, values.length] } },
    values,
  );

const good = (): FakeRepository => ({
  files: {
    'config.json': text({ model_type: 'llama' }),
    'tokenizer.json': text({}),
    'tokenizer_config.json': text({}),
    'README.md': text('not needed'),
    'pytorch_model.bin': text('not needed either'),
    'model.safetensors': weightsFile('w'),
  },
});

async function setUp(repository: FakeRepository, extra: Record<string, string> = {}) {
  const hub = await startHub({ 'owner/name': repository });
  const home = await temporaryFolder();
  const environment = { HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...extra };
  const options: HubOptions = { environment, patience: { timeout: 2000, delays: [10, 20, 30] } };
  return { hub, options, folder: join(home, 'hub', 'models--owner--name') };
}

async function runErrorOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RunError);
  return (error as RunError).message;
}

const blobs = async (folder: string) => (await readdir(join(folder, 'blobs'))).sort();

test('a download fills the cache in its ordinary layout, and the cache is enough afterwards', async () => {
  const { hub, options, folder } = await setUp(good());
  const progress: Progress[] = [];
  const checkpoint = await openCheckpoint('owner/name', {
    ...options,
    onProgress: (step) => progress.push(step),
  });
  expect(checkpoint.commit).toBe(commit);
  expect(checkpoint.name).toBe('owner/name');
  expect(Buffer.compare(await checkpoint.read('w'), values)).toBe(0);
  await checkpoint.close();

  const snapshot = join(folder, 'snapshots', commit);
  expect(checkpoint.folder).toBe(snapshot);
  expect((await readdir(snapshot)).sort()).toEqual([
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  expect(await readFile(join(folder, 'refs', 'main'), 'utf8')).toBe(commit);
  expect(await readlink(join(snapshot, 'model.safetensors'))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
  expect(await readlink(join(snapshot, 'config.json'))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
  const total = weightsFile('w').length;
  const large = progress.filter(({ file }) => file === 'model.safetensors');
  expect(large.at(-1)).toEqual({ file: 'model.safetensors', loaded: total, total });
  expect(large.every(({ loaded }, i) => i === 0 || loaded >= large[i - 1]!.loaded)).toBe(true);

  const before = hub.requests.length;
  await (await openCheckpoint('owner/name', { ...options, offline: true })).close();
  const environment = { ...options.environment, HF_HUB_OFFLINE: '1' };
  await (await openCheckpoint('owner/name', { ...options, environment })).close();
  await (await openCheckpoint(`owner/name@${commit}`, options)).close();
  expect(hub.requests.length).toBe(before);
  await (await openCheckpoint('owner/name', options)).close();
  expect(hub.requests.slice(before).filter((line) => line.includes('resolve'))).toEqual([]);
});

test('shards, a pull request’s revision and its ref', async () => {
  const index = { weight_map: { a: 'model-1.safetensors', b: 'model-2.safetensors' } };
  const { files } = good();
  delete files['model.safetensors'];
  Object.assign(files, {
    'model.safetensors.index.json': text(index),
    'model-1.safetensors': weightsFile('a'),
    'model-2.safetensors': weightsFile('b'),
  });
  const { options, folder } = await setUp({ files });
  const checkpoint = await openCheckpoint('owner/name@refs/pr/1', options);
  expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b']);
  await checkpoint.close();
  expect(await readFile(join(folder, 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(commit);
  delete files['model-2.safetensors'];
  await rm(folder, { recursive: true });
  expect(await inputErrorOf(openCheckpoint('owner/name', options))).toContain(
    'the shard model-2.safetensors',
  );
});

describe('an interrupted download', () => {
  test('goes on within a run where the server cut the connection', async () => {
    const { hub, options } = await setUp({ ...good(), cuts: [1_500_000, 100_000] });
    const loaded: number[] = [];
    const onProgress = (step: Progress) => step.file === 'model.safetensors' && loaded.push(step.loaded);
    const checkpoint = await openCheckpoint('owner/name', { ...options, onProgress });
    expect(Buffer.compare(await checkpoint.read('w'), values)).toBe(0);
    await checkpoint.close();
    const ranges = hub.requests.filter((line) => line.includes('model.safetensors'));
    expect(ranges[0]).not.toContain('bytes=');
    expect(ranges.slice(1)).toEqual([
      expect.stringContaining('bytes=1500000-'),
      expect.stringContaining('bytes=1600000-'),
    ]);
    expect(loaded).toEqual(loaded.toSorted((a, b) => a - b));
  });

  test('goes on in a later run', async () => {
    const repository = { ...good(), cuts: [1_000_000, 10, 10, 10] };
    const { hub, options, folder } = await setUp(repository);
    const message = await runErrorOf(openCheckpoint('owner/name', options));
    expect(message).toMatch(/model\.safetensors: .* stopped at 1000030 of 40000\d\d bytes.*run again/);
    const partial = (await blobs(folder)).find((name) => name.endsWith('.incomplete'))!;
    expect((await stat(join(folder, 'blobs', partial))).size).toBe(1_000_030);
    expect(await inputErrorOf(openCheckpoint('owner/name', { ...options, offline: true }))).toContain(
      'cache',
    );

    repository.cuts = [];
    const checkpoint = await openCheckpoint('owner/name', options);
    expect(Buffer.compare(await checkpoint.read('w'), values)).toBe(0);
    await checkpoint.close();
    expect(hub.requests.at(-1)).toContain('bytes=1000030-');
    expect((await blobs(folder)).some((name) => name.endsWith('.incomplete'))).toBe(false);
  });

  test('starts anew where the server ignores ranges or the part is of another file', async () => {
    for (const noRanges of [true, false]) {
      const { options, folder } = await setUp({ ...good(), noRanges });
      const lfs = createHash('sha256').update(weightsFile('w')).digest('hex');
      await mkdir(join(folder, 'blobs'), { recursive: true });
      await writeFile(join(folder, 'blobs', `${lfs}.incomplete`), new Uint8Array(5000));
      const checkpoint = await openCheckpoint('owner/name', options);
      expect(Buffer.compare(await checkpoint.read('w'), values)).toBe(0);
      await checkpoint.close();
    }
  });
});

test('wrong bytes never get into the cache', async () => {
  const { options, folder } = await setUp({ ...good(), corrupt: true });
  expect(await runErrorOf(openCheckpoint('owner/name', options))).toMatch(
    /config\.json: .*expected the hash [0-9a-f]{40}, found [0-9a-f]{40}/,
  );
  expect(await blobs(folder)).toEqual([]);
});

test('a busy hub is asked again', async () => {
  const { options } = await setUp({ ...good(), busy: 3 });
  await (await openCheckpoint('owner/name', options)).close();
  const { options: never } = await setUp({ ...good(), busy: 1000 });
  expect(await runErrorOf(openCheckpoint('owner/name', never))).toContain('503');
});

describe('access', () => {
  test('goes by HF_TOKEN or the token file, told to the hub alone', async () => {
    const gated = { ...good(), token: 'secret' };
    const { hub, options } = await setUp(gated, { HF_TOKEN: 'secret' });
    await (await openCheckpoint('owner/name', options)).close();
    expect(hub.leaked).toEqual([]);

    const { options: byFile } = await setUp(gated);
    await writeFiles(byFile.environment!.HF_HOME!, { token: 'secret\n' });
    await (await openCheckpoint('owner/name', byFile)).close();
  });

  test('that is refused says how to get it', async () => {
    const { options } = await setUp({ ...good(), token: 'secret' });
    expect(await inputErrorOf(openCheckpoint('owner/name', options))).toMatch(
      /401.*\n.*HF_TOKEN.*owner\/name/,
    );
  });
});

test('a repository or a revision that is not there', async () => {
  const { options, hub } = await setUp(good());
  expect(await inputErrorOf(openCheckpoint('owner/other', options))).toMatch(
    /owner\/other@main: no such .* at http/,
  );
  expect(await inputErrorOf(openCheckpoint('owner/name@v9', options))).toContain('owner/name@v9');
  expect(hub.requests.every((line) => !line.includes('resolve'))).toBe(true);
});

test('pickles and other weights are refused before anything is downloaded', async () => {
  const { files } = good();
  delete files['model.safetensors'];
  const { options, hub } = await setUp({ files });
  const message = await inputErrorOf(openCheckpoint('owner/name', options));
  for (const part of ['pytorch_model.bin', 'runs code', 'refs/pr/']) expect(message).toContain(part);
  delete files['pytorch_model.bin'];
  expect(await inputErrorOf(openCheckpoint('owner/name', options))).toContain(
    'expected model.safetensors or',
  );
  delete files['config.json'];
  expect(await inputErrorOf(openCheckpoint('owner/name', options))).toContain('expected config.json');
  expect(hub.requests.every((line) => !line.includes('resolve'))).toBe(true);
});

describe('an unreachable hub is reported in bounded time', () => {
  test('where nothing listens', async () => {
    const { options } = await setUp(good());
    const environment = { ...options.environment, HF_ENDPOINT: 'http://127.0.0.1:9' };
    const start = performance.now();
    const message = await runErrorOf(openCheckpoint('owner/name', { environment }));
    for (const part of ['http://127.0.0.1:9', '--offline', 'HF_ENDPOINT']) expect(message).toContain(part);
    expect(performance.now() - start).toBeLessThan(6000);
  });

  test('where nothing answers', async () => {
    const { options, hub } = await setUp({ ...good(), silent: true });
    const message = await runErrorOf(
      openCheckpoint('owner/name', { ...options, patience: { timeout: 300, delays: [10] } }),
    );
    expect(message).toContain(`${hub.endpoint}: no answer in 0.3 s`);
  });
});

test('what is not in the cache is asked for offline in vain', async () => {
  const { options, hub } = await setUp(good());
  const message = await inputErrorOf(openCheckpoint('owner/name', { ...options, offline: true }));
  for (const part of ['owner/name@main', 'models--owner--name', 'without --offline'])
    expect(message).toContain(part);
  expect(hub.requests).toEqual([]);
});

test('a name from before there were owners is downloaded from its repository of today', async () => {
  const hub = await startHub({ 'openai-community/gpt2': good() });
  const home = await temporaryFolder();
  const checkpoint = await openCheckpoint('gpt2', {
    environment: { HF_HOME: home, HF_ENDPOINT: hub.endpoint },
  });
  expect(checkpoint.name).toBe('gpt2');
  expect(checkpoint.folder).toContain('models--openai-community--gpt2');
  await checkpoint.close();
});

test('hub ids', () => {
  expect(parseHubId('facebook/opt-125m')).toEqual({ name: 'facebook/opt-125m', revision: 'main' });
  expect(parseHubId('a/b@refs/pr/1')).toEqual({ name: 'a/b', revision: 'refs/pr/1' });
  expect(parseHubId('gpt2')).toEqual({ name: 'openai-community/gpt2', revision: 'main' });
  expect(parseHubId('bert-base-uncased@v1')).toEqual({
    name: 'google-bert/bert-base-uncased',
    revision: 'v1',
  });
  for (const bad of [
    'gpt3',
    'constructor',
    'demo-lama',
    './a/b',
    '../a',
    'a/b/c',
    '/a/b',
    'a/../b',
    'a/b@../x',
    'a/b@x/../y',
    'a/b@',
    'a\\b',
    'a/.b',
  ]) {
    expect(parseHubId(bad), bad).toBeUndefined();
  }
});
