/** The GEMM sites of every architecture, in the order of execution within a layer. */
export const SITE_NAMES = [
  'q',
  'k',
  'v',
  'qk',
  'sv',
  'o',
  'gate',
  'up',
  'down',
  'fc1',
  'fc2',
  'project_in',
  'project_out',
  'pooler',
  'classifier',
  'lm_head',
] as const;

export type SiteName = (typeof SITE_NAMES)[number];

/** One matrix product of a model, by place. */
export interface Site {
  name: SiteName;
  /** 0-based layer; undefined outside the layers (`lm_head`, `classifier`, …). */
  layer?: number | undefined;
}

/** `3.fc1`, or `lm_head`. */
export function siteId(site: Site): string {
  return site.layer === undefined ? site.name : `${site.layer}.${site.name}`;
}
