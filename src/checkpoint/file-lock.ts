import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { errorCode } from './json.ts';

const beatMs = 2000;
/** No sign of life for so long, whoever holds it: a machine that shares the disk may have gone. */
const staleMs = 60_000;
/**
 * The same where the holder's process is not running here, so that a run after Ctrl-C soon goes on. Not at once: a
 * container may share this machine's name but not its process ids.
 */
const orphanedMs = 3 * beatMs;

/**
 * Takes the lock that the file `path` stands for, among all processes that share the disk, or returns undefined where
 * another one holds it. Node has no flock: the file's modification time is the sign of life.
 *
 * A holder that was suspended for longer than the limit may lose the lock unnoticed, so what it guards needs a check
 * of its own, such as a hash.
 */
export async function tryLock(path: string): Promise<{ release(): Promise<void> } | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'wx');
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    await removeStale(path);
    return undefined;
  }
  await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }));
  const beat = () => {
    const now = new Date();
    // Through the handle: a lock that another process took over in the meantime is not kept alive.
    handle.utimes(now, now).catch(() => {});
  };
  const timer = setInterval(beat, beatMs).unref();
  return {
    async release() {
      clearInterval(timer);
      const own = await handle.stat();
      await handle.close();
      const there = await stat(path).catch(() => undefined);
      if (there?.ino === own.ino) await rm(path, { force: true });
    },
  };
}

async function removeStale(path: string): Promise<void> {
  const seen = await stat(path).catch(() => undefined);
  if (!seen) return;
  const age = Date.now() - seen.mtimeMs;
  if (age < orphanedMs || (age < staleMs && !(await isOrphan(path)))) return;
  // Of several processes that find it stale one succeeds here; a late one might move the new lock instead.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  const moved = await stat(aside).catch(() => undefined);
  if (moved && (moved.ino !== seen.ino || moved.mtimeMs !== seen.mtimeMs)) {
    await link(aside, path).catch(() => {});
  }
  await rm(aside, { force: true });
}

/** Whether the process that wrote the lock ran on this machine and runs no more. */
async function isOrphan(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const match = /^\{"pid":([1-9]\d{0,9}),"host":(".*")\}$/.exec(text);
  if (!match || match[2] !== JSON.stringify(hostname())) return false;
  try {
    process.kill(Number(match[1]), 0);
    return false;
  } catch (error) {
    return errorCode(error) === 'ESRCH';
  }
}
