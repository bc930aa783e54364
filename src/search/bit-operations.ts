import type { DatapathPlan } from '../datapath/index.ts';
import type { SiteName } from '../model/index.ts';
import type { Combination } from './precision.ts';
import type { SizedClass } from './site-classes.ts';
import { formatBits, type Operand, type Variation } from './variation.ts';

/** The multiply-accumulates of a class for one token, each weighted by the bits of the operand that is not varied. */
export interface ClassWork {
  name: string;
  /** Sum of macs · bits of the other operand; of macs alone where both operands are varied. */
  weight: number;
}

/** What savings are measured against: FP16 in place of what is varied. */
const REFERENCE_BITS = 16;

/**
 * Bit operations (BOPs) of a combination for one token: a multiply-accumulate of a-bit with b-bit operands is a·b
 * (Anda, section III: FP16 x INT4 is 64, a mantissa of M bits x INT4 is 4·M).
 */
export function bitOperations(
  work: readonly ClassWork[],
  combination: Combination,
  { operands }: Pick<Variation, 'operands'>,
): number {
  // Both operands alike: a width multiplies itself.
  return work.reduce((sum, { weight }, i) => sum + weight * combination[i]! ** operands.length, 0);
}

/** How many times fewer bit operations than with FP16 in place of what is varied. */
export function saving(
  work: readonly ClassWork[],
  bops: number,
  variation: Pick<Variation, 'operands'>,
): number {
  return (
    bitOperations(
      work,
      work.map(() => REFERENCE_BITS),
      variation,
    ) / bops
  );
}

/**
 * The work of classes on a machine, which says how many bits the other operand has.
 *
 * @throws InputError where that operand's format has no fixed number of bits
 */
export function workOf(
  classes: readonly SizedClass[],
  plan: DatapathPlan,
  { operands }: Variation,
): ClassWork[] {
  const other = (['weights', 'activations'] as const).find((operand) => !operands.includes(operand));
  return classes.map(({ name, products }) => ({
    name,
    weight: products.reduce(
      (sum, { site, macs }) => sum + macs * (other ? operandBits(plan, site, other) : 1),
      0,
    ),
  }));
}

function operandBits(plan: DatapathPlan, site: SiteName, operand: Operand): number {
  const encoding: string | Encoding = plan.sites[site][operand];
  if (typeof encoding === 'string') return formatBits(encoding);
  return formatBits(encoding.format, encoding.settings);
}

interface Encoding {
  readonly format: string;
  readonly settings?: Readonly<Record<string, unknown>>;
}
