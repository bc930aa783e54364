import type { Architecture } from './architecture.ts';
import type { ModelConfig } from './config.ts';
import { SITE_NAMES, type SiteName } from './site.ts';

/** The products of one kind of GEMM site over a whole pass. `tokens` stands for the length of the sequence. */
export interface SiteShape {
  site: SiteName;
  /** How many in one pass. */
  products: number;
  /** Summed over. */
  inputs: number | 'tokens';
  outputs: number | 'tokens';
}

/**
 * The GEMM sites of a model in the order of execution, from its configuration alone. The attention products have no
 * weight: a query head's qk sums over its size for every pair of positions, sv over the positions.
 */
export function siteShapes(architecture: Architecture, config: ModelConfig): SiteShape[] {
  const layer = architecture.layer(config, 0).projections.flat();
  const frame = architecture.frame(config).projections.flat();
  const heads = config.layers * config.heads;
  const shapes: SiteShape[] = [
    ...layer.map(({ site, inputs, outputs }) => ({ site, products: config.layers, inputs, outputs })),
    ...frame.map(({ site, inputs, outputs }) => ({ site, products: 1, inputs, outputs })),
    { site: 'qk', products: heads, inputs: config.headSize, outputs: 'tokens' },
    { site: 'sv', products: heads, inputs: 'tokens', outputs: config.headSize },
  ];
  return shapes.sort((a, b) => SITE_NAMES.indexOf(a.site) - SITE_NAMES.indexOf(b.site));
}
