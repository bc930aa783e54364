import { e2m1 } from './float4-e2m1.ts';
import { floatElement, Microscaling, MX, RULE } from './mx.ts';
import type { FormatDefinition } from './tensor-format.ts';

/** MXFP4: blocks of FP4 E2M1; see float4-e2m1.ts and mx.ts. emax 2. */
export const mxfp4: FormatDefinition = {
  name: 'mxfp4',
  summary: 'OCP Microscaling: blocks of 32 FP4 values (E2M1) under a power of two',
  source: MX.source,
  table: { bits: '4', range: '±6', specials: 'subnormals; saturates', scale: MX.scale },
  settings: { rule: RULE },
  granularities: MX.granularities,
  defaultGranularity: MX.defaultGranularity,
  create: (settings, granularity) => new Microscaling('mxfp4', floatElement(e2m1), settings, granularity),
};
