import { RunError } from '../errors.ts';
import type { Kernels } from '../kernels/index.ts';
import { type Site, siteId } from '../model/index.ts';

/** @throws RunError where activations hold NaN or an infinity */
export function checkFinite(kernels: Kernels, site: Site, x: Float32Array, columns: number): void {
  const bad = kernels.findNonFinite(x);
  if (bad < 0) return;
  const place = `token ${Math.floor(bad / columns)}, channel ${bad % columns}`;
  throw new RunError(`${siteId(site)}: expected finite activations, found ${x[bad]} (${place})`);
}
