import { e4m3 } from './float8-e4m3.ts';
import { e5m2 } from './float8-e5m2.ts';
import { floatElement, Microscaling, MX, RULE } from './mx.ts';
import type { FormatDefinition } from './tensor-format.ts';

/** MXFP8: blocks of FP8 E4M3 or E5M2; see float8-e4m3.ts, float8-e5m2.ts and mx.ts. emax 8 and 15. */
export const mxfp8: FormatDefinition = {
  name: 'mxfp8',
  summary: 'OCP Microscaling: blocks of 32 FP8 values (E4M3 or E5M2) under a power of two',
  source: MX.source,
  table: {
    bits: '8',
    range: '±448 (E4M3), ±57344 (E5M2)',
    specials: 'NaN, subnormals; saturates',
    scale: MX.scale,
  },
  settings: {
    element: { kind: 'choice', values: ['e4m3', 'e5m2'], default: 'e4m3', description: 'FP8 of the values' },
    rule: RULE,
  },
  granularities: MX.granularities,
  defaultGranularity: MX.defaultGranularity,
  create: (settings, granularity) =>
    new Microscaling('mxfp8', floatElement(settings.element === 'e5m2' ? e5m2 : e4m3), settings, granularity),
};
