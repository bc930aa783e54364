import { randomUUID } from 'node:crypto';
import { access, copyFile, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { InputError } from '../errors.ts';
import { quote } from './json.ts';
import { indexName, readShardIndex, singleName } from './shards.ts';

/** What the environment says about the hub, by the same variables as Python's huggingface_hub. */
export interface HubSettings {
  endpoint: string;
  token: string | undefined;
  cache: string;
  offline: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE and HF_TOKEN (or the token file that logging in wrote).
 * @throws InputError for an HF_ENDPOINT that is no URL
 */
export async function hubSettings(environment: Environment): Promise<HubSettings> {
  const caches = environment.XDG_CACHE_HOME || join(homedir(), '.cache');
  const home = expandHome(environment.HF_HOME || join(caches, 'huggingface'));
  const cache = environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE || join(home, 'hub');
  const tokenFile = expandHome(environment.HF_TOKEN_PATH || join(home, 'token'));
  const token = environment.HF_TOKEN || environment.HUGGING_FACE_HUB_TOKEN || (await readLine(tokenFile));
  return {
    endpoint: checkEndpoint(environment.HF_ENDPOINT || 'https://huggingface.co'),
    token: token?.trim() || undefined,
    cache: expandHome(cache),
    offline: [environment.HF_HUB_OFFLINE, environment.TRANSFORMERS_OFFLINE].some((value) =>
      ['1', 'ON', 'YES', 'TRUE'].includes((value ?? '').toUpperCase()),
    ),
  };
}

/** Without its last slash. Checked here: deep in a request it would pass for a wrong answer of the hub. */
function checkEndpoint(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new InputError(`expected an http or https URL, found ${quote(text)}`, {
      place: { key: 'HF_ENDPOINT' },
      note: 'such as HF_ENDPOINT=https://huggingface.co, which is used where it is not set',
    });
  }
  return text.trim().replace(/\/+$/, '');
}

/** The files of each kind of tokenizer, in the order of preference; one kind is enough. */
export const tokenizerKinds = [
  ['tokenizer.json'],
  ['vocab.json', 'merges.txt'],
  ['vocab.txt'],
  ['tokenizer.model'],
];

/** The cache's folder of one model: `blobs/` by hash, `refs/` (branch to commit) and `snapshots/<commit>/` of links. */
export class ModelCache {
  readonly folder: string;

  constructor(cache: string, name: string) {
    this.folder = join(cache, `models--${name.replaceAll('/', '--')}`);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  blob(hash: string): string {
    return join(this.folder, 'blobs', hash);
  }

  /** The commit that a revision stood for when it was last downloaded. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const commit = await readLine(join(this.folder, 'refs', revision));
    return commit && isCommit(commit) ? commit : undefined;
  }

  async writeRef(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = join(this.folder, 'refs', revision);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, commit);
  }

  /** Puts a blob under its name into a snapshot, by a relative link as Python does, or by a copy without links. */
  async link(commit: string, file: string, hash: string): Promise<void> {
    const path = join(this.snapshot(commit), file);
    if (await exists(path)) return;
    await mkdir(dirname(path), { recursive: true });
    // Renamed into place: another process may be linking the same file or already reading it.
    const temporary = `${path}.${randomUUID()}`;
    try {
      await symlink(relative(dirname(path), this.blob(hash)), temporary);
    } catch {
      await copyFile(this.blob(hash), temporary);
    }
    await rename(temporary, path);
  }

  /** Names of needed files that a snapshot lacks; empty where it can be opened. */
  async missing(commit: string): Promise<string[]> {
    const folder = this.snapshot(commit);
    const missing: string[] = [];
    if (!(await exists(join(folder, 'config.json')))) missing.push('config.json');
    if (await exists(join(folder, singleName))) return missing;
    if (!(await exists(join(folder, indexName)))) return [...missing, singleName];
    for (const shard of new Set((await readShardIndex(join(folder, indexName))).values())) {
      if (!(await exists(join(folder, shard)))) missing.push(shard);
    }
    return missing;
  }

  /** Whether a snapshot has all that a download would bring, a tokenizer too (Python may have fetched the rest only). */
  async isComplete(commit: string): Promise<boolean> {
    const here = (file: string) => exists(join(this.snapshot(commit), file));
    for (const kind of tokenizerKinds) {
      if ((await Promise.all(kind.map(here))).every(Boolean))
        return (await this.missing(commit)).length === 0;
    }
    return false;
  }
}

export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** Follows links: a snapshot's link without its blob does not exist. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function readLine(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text?.trim();
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
