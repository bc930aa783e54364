import { best } from './accuracy.ts';
import type { ClassScore, Score } from './request.ts';

/** How far the machine's predictions are from the float32 reference's. */
export interface DivergenceSummary {
  /** Mean of KL(reference || machine) over the positions, in nats. */
  meanKl: number;
  /** Share of positions where both choose the same token or class, 0..1. */
  top1Agreement: number;
  positions: number;
}

/** Over all predicted positions; undefined unless every score carries a divergence. */
export function summarizeDivergence(scores: readonly Score[]): DivergenceSummary | undefined {
  let kl = 0;
  let agreed = 0;
  let positions = 0;
  for (const { divergence, agree } of scores) {
    if (divergence === undefined || agree === undefined) return undefined;
    for (const value of divergence) kl += value;
    for (const value of agree) agreed += value;
    positions += divergence.length;
  }
  return summary(kl, agreed, positions);
}

/** Over all sequences; undefined unless every one carries the reference's logits. */
export function summarizeClassDivergence(scores: readonly ClassScore[]): DivergenceSummary | undefined {
  let kl = 0;
  let agreed = 0;
  for (const { logits, reference } of scores) {
    if (reference === undefined) return undefined;
    kl += klDivergence(reference, logits);
    if (best(reference) === best(logits)) agreed++;
  }
  return summary(kl, agreed, scores.length);
}

function summary(kl: number, agreed: number, positions: number): DivergenceSummary | undefined {
  return positions === 0
    ? undefined
    : { meanKl: kl / positions, top1Agreement: agreed / positions, positions };
}

/** KL(softmax(reference) || softmax(logits)) in nats. */
function klDivergence(reference: ArrayLike<number>, logits: ArrayLike<number>): number {
  const p = logSoftmax(reference);
  const q = logSoftmax(logits);
  let sum = 0;
  // A class of no probability adds nothing, also where the machine gives it none either (0 * (-inf + inf)).
  for (let i = 0; i < p.length; i++)
    if (p[i] !== Number.NEGATIVE_INFINITY) sum += Math.exp(p[i]!) * (p[i]! - q[i]!);
  return sum;
}

function logSoftmax(logits: ArrayLike<number>): Float64Array {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) max = Math.max(max, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - max);
  return Float64Array.from(logits, (value) => value - max - Math.log(sum));
}
