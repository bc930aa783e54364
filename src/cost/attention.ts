import type { WorkloadGemm } from './contract.ts';

/** Both products of attention, `count` times over: queries by keys, and their scores by the values. */
export function attentionGemms({
  queries,
  keys,
  headSize,
  count,
}: {
  queries: number;
  keys: number;
  headSize: number;
  count: number;
}): [qk: WorkloadGemm, sv: WorkloadGemm] {
  return [
    { site: 'qk', m: queries, k: headSize, n: keys, count, weight: false },
    { site: 'sv', m: queries, k: keys, n: headSize, count, weight: false },
  ];
}
