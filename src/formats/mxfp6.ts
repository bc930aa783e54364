import { e2m3 } from './float6-e2m3.ts';
import { e3m2 } from './float6-e3m2.ts';
import { floatElement, Microscaling, MX, RULE } from './mx.ts';
import type { FormatDefinition } from './tensor-format.ts';

/** MXFP6: blocks of FP6 E2M3 or E3M2; see float6-e2m3.ts, float6-e3m2.ts and mx.ts. emax 2 and 4. */
export const mxfp6: FormatDefinition = {
  name: 'mxfp6',
  summary: 'OCP Microscaling: blocks of 32 FP6 values (E2M3 or E3M2) under a power of two',
  source: MX.source,
  table: {
    bits: '6',
    range: '±7.5 (E2M3), ±28 (E3M2)',
    specials: 'subnormals; saturates',
    scale: MX.scale,
  },
  settings: {
    element: { kind: 'choice', values: ['e2m3', 'e3m2'], default: 'e2m3', description: 'FP6 of the values' },
    rule: RULE,
  },
  granularities: MX.granularities,
  defaultGranularity: MX.defaultGranularity,
  create: (settings, granularity) =>
    new Microscaling('mxfp6', floatElement(settings.element === 'e3m2' ? e3m2 : e2m3), settings, granularity),
};
