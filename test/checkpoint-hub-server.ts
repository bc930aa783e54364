import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export const commit = 'c0ffee'.padEnd(40, '0');

/** A repository of a {@link startHub} and what may go wrong with it. */
export interface FakeRepository {
  /** Files of 1000 bytes or more are LFS files, served after a redirect. */
  files: Record<string, Uint8Array>;
  token?: string;
  /** Cuts the connection of each of the next downloads of a large file after this many bytes. */
  cuts?: number[];
  /** Serves other bytes than were listed. */
  corrupt?: boolean;
  /** Answers this many requests with 503 first. */
  busy?: number;
  /** Never answers. */
  silent?: boolean;
  /** Ignores ranges, as some mirrors do. */
  noRanges?: boolean;
}

export interface FakeHub {
  endpoint: string;
  /** `METHOD path range`, in order. */
  requests: string[];
  /** The authorization headers that the large files' host saw. */
  leaked: string[];
}

/** An HTTP server with the hub's layout: model info, tree, resolve; large files live on another host. */
export async function startHub(repositories: Record<string, FakeRepository>): Promise<FakeHub> {
  const hub: FakeHub = { endpoint: '', requests: [], leaked: [] };
  const storage = await listen((request, response) => {
    if (request.headers.authorization) hub.leaked.push(request.headers.authorization);
    const [, owner, name, file] = request.url!.split('/');
    send(repositories[`${owner}/${name}`]!, decodeURIComponent(file!), request, response);
  });
  hub.endpoint = await listen((request, response) => {
    const url = request.url!.split('?')[0]!;
    hub.requests.push([request.method, url, request.headers.range].filter(Boolean).join(' '));
    const parts = url.split('/').slice(1).map(decodeURIComponent);
    const api = parts[0] === 'api';
    const repository = repositories[(api ? parts.slice(2, 4) : parts.slice(0, 2)).join('/')];
    if (!repository) return void response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end('Not Found');
    if (repository.silent) return;
    if (repository.busy) {
      repository.busy--;
      return void response.writeHead(503).end('busy');
    }
    if (repository.token && request.headers.authorization !== `Bearer ${repository.token}`) {
      return void response.writeHead(401, { 'x-error-code': 'GatedRepo' }).end('gated');
    }
    if (api && parts[4] === 'revision') {
      if (!['main', 'refs/pr/1', commit].includes(parts[5]!))
        return void response.writeHead(404).end('no revision');
      return sendJson(response, { id: parts.slice(2, 4).join('/'), sha: commit, lastModified: '2024-01-01' });
    }
    if (api && parts[4] === 'tree')
      return sendJson(response, Object.entries(repository.files).map(treeEntry));
    const file = parts.slice(4).join('/');
    const bytes = repository.files[file];
    if (!bytes) return void response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
    const { oid, lfs } = treeEntry([file, bytes]);
    response.setHeader('x-repo-commit', commit);
    if (lfs) {
      response.setHeader('x-linked-etag', `"${lfs.oid}"`);
      response.setHeader('x-linked-size', bytes.length);
      const target = `${storage}/${parts[0]}/${parts[1]}/${encodeURIComponent(file)}`;
      return void response.writeHead(302, { location: target }).end();
    }
    response.setHeader('etag', `"${oid}"`);
    send(repository, file, request, response);
  });
  return hub;
}

function treeEntry([path, bytes]: [string, Uint8Array]) {
  const git = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const lfs = bytes.length >= 1000 ? { oid: sha256, size: bytes.length, pointerSize: 130 } : undefined;
  return { type: 'file', path, size: bytes.length, oid: git, lfs };
}

function send(
  repository: FakeRepository,
  file: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  let bytes = repository.files[file]!;
  if (repository.corrupt) bytes = bytes.map((byte) => byte ^ 1);
  const from = repository.noRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from >= bytes.length && from > 0) return void response.writeHead(416).end();
  const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from ? 206 : 200, { 'content-length': bytes.length - from, ...(from ? range : {}) });
  if (request.method === 'HEAD') return void response.end();
  const cut = bytes.length >= 1000 ? repository.cuts?.shift() : undefined;
  if (cut === undefined) return void response.end(bytes.subarray(from));
  // Only what was really sent before the cut may count.
  response.write(bytes.subarray(from, from + cut), () => setTimeout(() => response.destroy(), 50));
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Returns the server's address; it ends with the test. */
async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
