import { InputError, RunError } from '../errors.ts';
import { conversionHint, pickles } from './folder.ts';
import {
  type Environment,
  exists,
  type HubSettings,
  hubSettings,
  isCommit,
  ModelCache,
  tokenizerKinds,
} from './hub-cache.ts';
import { downloadFile, type HubFile } from './hub-download.ts';
import { defaultPatience, type Patience, patientFetch, Unreachable } from './hub-request.ts';
import { messageOf } from './json.ts';
import { indexName, readShardIndex, singleName } from './shards.ts';

/** How far a download is. */
export interface Progress {
  file: string;
  /** Bytes on disk, with those of an earlier, interrupted download. */
  loaded: number;
  total: number;
}

export interface HubOptions {
  /** Use the cache only and never the network. Also where HF_HUB_OFFLINE=1. */
  offline?: boolean;
  /** Called as bytes arrive, at most once a megabyte, and when a file is complete. */
  onProgress?: (progress: Progress) => void;
  /** Instead of the process's: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE. */
  environment?: Environment;
  /** Timeouts and retries. */
  patience?: Patience;
}

export interface HubId {
  name: string;
  /** Branch, tag or commit. */
  revision: string;
}

const maximumFiles = 20_000;
const smallFiles = [
  'config.json',
  'generation_config.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
];

/**
 * Names from the hub's first days, which had no owner, and the repositories that they stand for now. A fixed list: an
 * unknown bare word is far more often a misspelt folder or demo model than a repository.
 */
export const legacyNames: ReadonlyMap<string, string> = new Map([
  ['gpt2', 'openai-community/gpt2'],
  ['gpt2-medium', 'openai-community/gpt2-medium'],
  ['gpt2-large', 'openai-community/gpt2-large'],
  ['gpt2-xl', 'openai-community/gpt2-xl'],
  ['distilgpt2', 'distilbert/distilgpt2'],
  ['bert-base-uncased', 'google-bert/bert-base-uncased'],
  ['bert-large-uncased', 'google-bert/bert-large-uncased'],
]);

/** `owner/name[@revision]` or a legacy name for it, or undefined where the text cannot be one. */
export function parseHubId(spec: string): HubId | undefined {
  const match = /^((?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]*)(?:@([\w.-]+(?:\/[\w.-]+)*))?$/.exec(spec);
  if (!match || spec.length > 300 || /(^|\/)\.\.?(\/|$)/.test(match[2] ?? '')) return undefined;
  const name = match[1]!.includes('/') ? match[1]! : legacyNames.get(match[1]!);
  return name === undefined ? undefined : { name, revision: match[2] ?? 'main' };
}

/**
 * The folder of a hub checkpoint in the local cache (the one that Python's huggingface_hub uses too); what is missing
 * there is downloaded: config, tokenizer and safetensors weights, nothing else.
 *
 * @throws InputError for a repository that does not exist, is closed to the user or has no safetensors weights, and
 *   offline for one that is not in the cache
 * @throws RunError where the hub cannot be reached or what it sent is wrong
 */
export async function fetchFromHub(
  id: HubId,
  options: HubOptions = {},
): Promise<{ folder: string; commit: string }> {
  const settings = await hubSettings(options.environment ?? process.env);
  const cache = new ModelCache(settings.cache, id.name);
  if (options.offline || settings.offline) return fromCache(id, cache);
  // A commit never changes: a complete copy of it needs no question to the hub.
  if (isCommit(id.revision) && (await cache.isComplete(id.revision))) {
    return { folder: cache.snapshot(id.revision), commit: id.revision };
  }
  const session = new HubSession(id, settings, cache, options);
  try {
    return await session.fetch();
  } catch (error) {
    if (error instanceof Unreachable) throw unreachable(id, settings, error);
    throw error;
  }
}

async function fromCache(id: HubId, cache: ModelCache): Promise<{ folder: string; commit: string }> {
  const commit = await cache.commitOf(id.revision);
  const missing = commit ? await cache.missing(commit) : undefined;
  if (!commit || !missing || missing.length > 0) {
    const what =
      missing?.length && (await exists(cache.snapshot(commit!)))
        ? `without ${missing.join(', ')}`
        : 'no copy';
    throw new InputError(
      `${id.name}@${id.revision}: expected a complete copy in the cache, found ${what} (offline)`,
      { place: { file: cache.folder }, note: 'run once without --offline and HF_HUB_OFFLINE to download it' },
    );
  }
  return { folder: cache.snapshot(commit), commit };
}

class HubSession {
  readonly #id: HubId;
  readonly #settings: HubSettings;
  readonly #cache: ModelCache;
  readonly #options: HubOptions;
  readonly #patience: Patience;

  constructor(id: HubId, settings: HubSettings, cache: ModelCache, options: HubOptions) {
    this.#id = id;
    this.#settings = settings;
    this.#cache = cache;
    this.#options = options;
    this.#patience = options.patience ?? defaultPatience;
  }

  async fetch(): Promise<{ folder: string; commit: string }> {
    const { commit, files } = await this.#list();
    const names = new Set(files.keys());
    const weights = [singleName, indexName].find((name) => names.has(name));
    if (!weights || !names.has('config.json')) this.#refuse(names);
    const kind = tokenizerKinds.find((kind) => kind.every((name) => names.has(name))) ?? [];
    for (const name of [...smallFiles, ...kind, weights!]) {
      const file = files.get(name);
      if (file) await this.#bring(file, commit);
    }
    const folder = this.#cache.snapshot(commit);
    if (weights === indexName) {
      for (const shard of new Set((await readShardIndex(`${folder}/${indexName}`)).values())) {
        const file = files.get(shard);
        if (!file) {
          throw new InputError(
            `${this.#id.name}: expected the shard ${shard} that ${indexName} names, found none`,
            {
              note: 'the repository is incomplete; try another revision',
            },
          );
        }
        await this.#bring(file, commit);
      }
    }
    // Last, so that offline a branch stands for a commit that is complete.
    await this.#cache.writeRef(this.#id.revision, commit);
    return { folder, commit };
  }

  /** The commit and the files at the top of the repository. */
  async #list(): Promise<{ commit: string; files: Map<string, HubFile> }> {
    // Loaded here: most runs never need it.
    const { listFiles, modelInfo } = await import('@huggingface/hub');
    const { endpoint } = this.#settings;
    const common = { hubUrl: endpoint, fetch: patientFetch(this.#settings, this.#patience) };
    const { name, revision } = this.#id;
    const files = new Map<string, HubFile>();
    try {
      const { sha } = await modelInfo({ ...common, name, revision, additionalFields: ['sha'] });
      // These become file names.
      if (!isCommit(sha))
        throw new RunError(`${endpoint}: expected a commit hash, found ${JSON.stringify(sha)}`);
      for await (const entry of listFiles({ ...common, repo: { type: 'model', name }, revision: sha })) {
        const hash = entry.lfs?.oid ?? entry.oid ?? '';
        if (entry.type !== 'file' || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash)) continue;
        if (!Number.isSafeInteger(entry.size) || entry.size < 0) continue;
        files.set(entry.path, { path: entry.path, size: entry.size, hash });
        if (files.size > maximumFiles) throw new RunError(`${name}: more than ${maximumFiles} files`);
      }
      return { commit: sha, files };
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async #bring(file: HubFile, commit: string): Promise<void> {
    const blob = this.#cache.blob(file.hash);
    if (!(await exists(blob))) {
      let told = 0;
      const url = `${this.#settings.endpoint}/${this.#id.name}/resolve/${commit}/${encodeURIComponent(file.path)}`;
      await downloadFile(url, file, blob, this.#settings, this.#patience, (loaded) => {
        if (loaded < file.size && loaded >= told && loaded - told < 2 ** 20) return;
        told = loaded;
        this.#options.onProgress?.({ file: file.path, loaded, total: file.size });
      });
    }
    await this.#cache.link(commit, file.path, file.hash);
  }

  /** Before anything is downloaded. */
  #refuse(names: ReadonlySet<string>): never {
    const { name, revision } = this.#id;
    const place = { file: `${this.#settings.endpoint}/${name}/tree/${revision}` };
    const pickled = pickles(names);
    if (!names.has(singleName) && !names.has(indexName) && pickled.length > 0) {
      throw new InputError(
        `expected ${singleName}, found only pickled weights: ${pickled.slice(0, 5).join(', ')}`,
        {
          place,
          note: `${conversionHint}\n  Or look for a converted revision of the repository: ${name}@refs/pr/NUMBER`,
        },
      );
    }
    const lacking = names.has('config.json') ? `${singleName} or ${indexName}` : 'config.json';
    throw new InputError(`expected ${lacking}, found none in the repository`, {
      place,
      note: 'give the repository of a transformers checkpoint with safetensors weights',
    });
  }

  #explain(error: unknown): unknown {
    const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
    if (typeof status !== 'number') {
      if (error instanceof Unreachable || error instanceof RunError) return error;
      return new RunError(`${this.#settings.endpoint}: unexpected answer: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const { name, revision } = this.#id;
    const { endpoint, token } = this.#settings;
    if (status === 401 || status === 403) {
      return new InputError(
        `${name}: the hub refuses access (${status}): the repository is gated, private or absent`,
        {
          note: token
            ? `check the name and that your token may read it; gated models ask for consent at ${endpoint}/${name}`
            : `check the name; for a gated or private model set HF_TOKEN and accept its conditions at ${endpoint}/${name}`,
          cause: error,
        },
      );
    }
    if (status === 404) {
      return new InputError(
        `${name}@${revision}: no such folder here, and no such repository or revision at ${endpoint}`,
        {
          note: 'check the spelling: owner/name, or owner/name@revision',
          cause: error,
        },
      );
    }
    return new RunError(`${endpoint}: status ${status} for ${name}: ${messageOf(error)}`, { cause: error });
  }
}

function unreachable({ name }: HubId, { endpoint }: HubSettings, error: Unreachable): RunError {
  return new RunError(
    `${name}: cannot reach the hub at ${endpoint}: ${error.message}; use --offline for what is in the cache, ` +
      'HF_ENDPOINT for a mirror, or give a folder or a demo model',
    { cause: error },
  );
}
