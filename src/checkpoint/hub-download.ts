import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunError } from '../errors.ts';
import { tryLock } from './file-lock.ts';
import { exists, type HubSettings } from './hub-cache.ts';
import { isTransient, type Patience, request, Unreachable } from './hub-request.ts';

/** A file of a repository as the hub lists it. */
export interface HubFile {
  path: string;
  size: number;
  /** Its name in the cache: SHA-256 of a large (LFS) file, git's SHA-1 of a small one. */
  hash: string;
}

/** An attempt that brought at least this much does not count as a failed one. */
const progressBytes = 2 ** 20;

/** Between two looks at a file that another process downloads. */
const pollMs = 200;

/**
 * Downloads a file to `target`, going on where an earlier attempt stopped (`<target>.incomplete`), and lets it appear
 * there only when its size and hash are right. Where another process is downloading it already, waits for that one
 * and goes on in its place if it fails.
 *
 * @param onBytes is told how many bytes are on disk
 * @throws RunError where the network fails for good or the bytes are wrong
 */
export async function downloadFile(
  url: string,
  file: HubFile,
  target: string,
  settings: HubSettings,
  patience: Patience,
  onBytes: (loaded: number) => void,
): Promise<void> {
  const incomplete = `${target}.incomplete`;
  await mkdir(dirname(target), { recursive: true });
  for (let seen = 0; ; await sleep(pollMs)) {
    const lock = await tryLock(`${target}.lock`);
    try {
      if (await exists(target)) return onBytes(file.size);
      if (lock) return await downloadAlone(url, file, target, settings, patience, onBytes);
    } finally {
      await lock?.release();
    }
    const loaded = await sizeOf(incomplete);
    if (loaded > seen) onBytes(loaded);
    seen = Math.max(seen, loaded);
  }
}

async function downloadAlone(
  url: string,
  file: HubFile,
  target: string,
  settings: HubSettings,
  patience: Patience,
  onBytes: (loaded: number) => void,
): Promise<void> {
  const incomplete = `${target}.incomplete`;
  let failures = 0;
  let restarted = false;
  for (;;) {
    const before = await sizeOf(incomplete);
    try {
      // An empty file needs no request, but it must come to be.
      if (before < file.size || file.size === 0)
        await fetchRest(url, file, incomplete, before, settings, patience, onBytes);
      const found = await hashFile(incomplete, file);
      if (found === file.hash) {
        onBytes(file.size);
        await rename(incomplete, target);
        return;
      }
      await rm(incomplete, { force: true });
      // The part from an earlier run may have been of another file; a fresh download need not be.
      if (before > 0 && !restarted) {
        restarted = true;
        continue;
      }
      throw new RunError(
        `${file.path}: the downloaded bytes are wrong: expected the hash ${file.hash}, found ${found} (from ${settings.endpoint}); try again`,
      );
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      if ((await sizeOf(incomplete)) - before >= progressBytes) failures = 0;
      const delay = patience.delays[failures++];
      if (delay === undefined) {
        const loaded = await sizeOf(incomplete);
        throw new RunError(
          `${file.path}: the download from ${settings.endpoint} stopped at ${loaded} of ${file.size} bytes: ${error.message}; run again to go on from there`,
          { cause: error },
        );
      }
      await sleep(delay);
    }
  }
}

async function fetchRest(
  url: string,
  file: HubFile,
  incomplete: string,
  before: number,
  settings: HubSettings,
  patience: Patience,
  onBytes: (loaded: number) => void,
): Promise<void> {
  const range: Record<string, string> = before > 0 ? { range: `bytes=${before}-` } : {};
  const { response, chunks } = await request(url, range, settings, patience);
  const { status } = response;
  const resumes = status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${before}-`);
  if (!resumes && status !== 200) {
    await chunks().return(undefined);
    if (status === 206 || status === 416) {
      // What is on disk does not fit this file; begin anew.
      await rm(incomplete, { force: true });
      throw new Unreachable(`the answer to a range request was ${status} without that range`);
    }
    if (isTransient(status)) throw new Unreachable(`status ${status}`);
    throw new RunError(`${file.path}: ${settings.endpoint} answered with status ${status}`);
  }
  let loaded = resumes ? before : 0;
  const handle = await open(incomplete, resumes ? 'a' : 'w');
  try {
    for await (const chunk of chunks()) {
      loaded += chunk.length;
      if (loaded > file.size) {
        throw new RunError(
          `${file.path}: expected ${file.size} bytes, found more (from ${settings.endpoint})`,
        );
      }
      await handle.writeFile(chunk);
      onBytes(loaded);
    }
  } finally {
    await handle.close();
  }
  if (loaded < file.size) throw new Unreachable('the connection closed early');
}

/** In the scheme of the expected hash. */
async function hashFile(path: string, file: HubFile): Promise<string> {
  const hash = createHash(file.hash.length === 64 ? 'sha256' : 'sha1');
  // Git hashes a file together with its kind and size.
  if (file.hash.length === 40) hash.update(`blob ${file.size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
