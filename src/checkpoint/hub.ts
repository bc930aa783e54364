import { RunError } from '../errors.ts';

/** How far a download is. */
export interface Progress {
  file: string;
  /** Bytes on disk. */
  loaded: number;
  total: number;
}

export interface HubOptions {
  /** Use the cache only. */
  offline?: boolean;
  onProgress?: (progress: Progress) => void;
}

export interface HubId {
  name: string;
  revision: string;
}

/** `owner/name[@revision]`, or undefined where the text cannot be one. */
export function parseHubId(spec: string): HubId | undefined {
  const match = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([\w.-]+(?:\/[\w.-]+)*))?$/.exec(spec);
  if (!match || /(^|\/)\.\.?(\/|$)/.test(match[2] ?? '')) return undefined;
  return { name: match[1]!, revision: match[2] ?? 'main' };
}

/** The folder of a hub checkpoint in the local cache, downloaded where it is missing. */
export async function fetchFromHub(
  id: HubId,
  _options: HubOptions,
): Promise<{ folder: string; commit: string }> {
  throw new RunError(`${id.name}: downloading is not there yet`);
}
