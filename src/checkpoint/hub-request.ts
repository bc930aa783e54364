import { setTimeout as sleep } from 'node:timers/promises';
import type { HubSettings } from './hub-cache.ts';
import { messageOf } from './json.ts';

/** How patient requests are, in milliseconds. */
export interface Patience {
  /** Until the answer's headers, and between two pieces of its body. */
  timeout: number;
  /** Waits before each further attempt. */
  delays: readonly number[];
}

/** A lost network is reported after some 4 seconds, a silent one after 10. */
export const defaultPatience: Patience = { timeout: 10_000, delays: [500, 1000, 2000] };

/** The hub could not be reached or answered only errors of its own. */
export class Unreachable extends Error {
  override name = 'Unreachable';
}

/** An answer whose body has its own watch: {@link Answer.chunks} gives up where no piece arrives in time. */
export interface Answer {
  response: Response;
  chunks(): AsyncGenerator<Uint8Array>;
}

/**
 * GET with the user's token (to the hub itself only, never to another host), once.
 * @throws Unreachable where no answer comes in time
 */
export async function request(
  url: string,
  headers: Record<string, string>,
  settings: HubSettings,
  { timeout }: Patience,
): Promise<Answer> {
  const watch = new AbortController();
  const timer = setTimeout(() => watch.abort(new Error(`no answer in ${timeout / 1000} s`)), timeout);
  const own = new URL(url).origin === new URL(settings.endpoint).origin;
  let response: Response;
  try {
    response = await fetch(url, {
      // Compressed answers could neither be resumed nor measured.
      headers: {
        'accept-encoding': 'identity',
        'user-agent': 'tapeout',
        ...(own && settings.token ? { authorization: `Bearer ${settings.token}` } : {}),
        ...headers,
      },
      signal: watch.signal,
    });
  } catch (error) {
    clearTimeout(timer);
    throw new Unreachable(causeOf(error), { cause: error });
  }
  timer.refresh();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        yield chunk;
        // Time that the caller spends on the piece, on a slow disk say, is not the network's.
        timer.refresh();
      }
    } catch (error) {
      throw new Unreachable(causeOf(error), { cause: error });
    } finally {
      clearTimeout(timer);
      watch.abort();
    }
  }
  return { response, chunks };
}

/** True for answers that may be better next time. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/**
 * A `fetch` for the hub library's small calls: whole bodies, retried.
 * @throws Unreachable after the last attempt
 */
export function patientFetch(settings: HubSettings, patience: Patience): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const headers = Object.fromEntries(new Headers(init?.headers));
    for (let attempt = 0; ; attempt++) {
      const delay = patience.delays[attempt];
      try {
        const { response, chunks } = await request(url, headers, settings, patience);
        const body = await collect(chunks());
        if (!isTransient(response.status) || delay === undefined) {
          const empty = response.status === 204 || response.status === 304;
          return new Response(empty ? null : body, { status: response.status, headers: response.headers });
        }
      } catch (error) {
        // A silent host will most likely stay silent: waiting once is enough.
        if (delay === undefined || /no answer/.test(messageOf(error))) throw error;
      }
      await sleep(delay);
    }
  };
}

/** An API answer is small; a hostile one is cut off. */
async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > 64_000_000) throw new Unreachable('the answer has more than 64 MB');
    parts.push(Uint8Array.from(chunk));
  }
  return new Blob(parts);
}

/** fetch hides what happened (ECONNREFUSED, a certificate) behind "fetch failed". */
function causeOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) {
    return error.cause.message || ('code' in error.cause ? String(error.cause.code) : error.cause.name);
  }
  return messageOf(error);
}
