import { spawnSync } from 'node:child_process';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/checkpoint-files.ts';
import { tryLock } from './file-lock.ts';

const lockPath = async () => join(await temporaryFolder(), 'file.lock');

test('one of many gets the lock, and the next one after it is released', async () => {
  const path = await lockPath();
  const locks = await Promise.all(Array.from({ length: 20 }, () => tryLock(path)));
  const got = locks.filter((lock) => lock !== undefined);
  expect(got.length).toBe(1);
  expect(await tryLock(path)).toBeUndefined();
  await got[0]!.release();
  const next = await tryLock(path);
  expect(next).toBeDefined();
  await next!.release();
  expect(await readdir(dirname(path))).toEqual([]);
});

test('the lock shows that its holder lives', async () => {
  const path = await lockPath();
  const lock = await tryLock(path);
  const old = new Date(Date.now() - 50_000);
  await utimes(path, old, old);
  await expect.poll(async () => (await stat(path)).mtimeMs, { timeout: 4000 }).toBeGreaterThan(+old + 1000);
  await lock!.release();
});

describe('a lock left behind', () => {
  // A process that has ended; its id is not given out again so soon.
  const { pid: dead } = spawnSync(process.execPath, ['--version']);
  test.each<[string, string, number, boolean]>([
    ['an ended process, old', JSON.stringify({ pid: dead, host: hostname() }), 10, true],
    ['an ended process, fresh', JSON.stringify({ pid: dead, host: hostname() }), 1, false],
    ['a running process', JSON.stringify({ pid: process.pid, host: hostname() }), 10, false],
    ['another machine', JSON.stringify({ pid: dead, host: 'elsewhere' }), 10, false],
    ['another machine, silent', JSON.stringify({ pid: dead, host: 'elsewhere' }), 70, true],
    ['nobody, as yet', '', 10, false],
    ['nobody, silent', 'x'.repeat(100), 70, true],
  ])('by %s', async (_, content, seconds, taken) => {
    const path = await lockPath();
    await writeFile(path, content);
    const then = new Date(Date.now() - seconds * 1000);
    await utimes(path, then, then);
    expect(await tryLock(path)).toBeUndefined();
    const lock = await tryLock(path);
    expect(lock !== undefined).toBe(taken);
    await lock?.release();
    if (!taken) expect(await readFile(path, 'utf8')).toBe(content);
    expect(await readdir(dirname(path))).toEqual(taken ? [] : ['file.lock']);
  });
});

test('who lost the lock does not release the new holder’s', async () => {
  const path = await lockPath();
  const slow = await tryLock(path);
  const then = new Date(Date.now() - 70_000);
  await utimes(path, then, then);
  await tryLock(path);
  const lock = await tryLock(path);
  expect(lock).toBeDefined();
  await slow!.release();
  expect(await tryLock(path)).toBeUndefined();
  await lock!.release();
});
