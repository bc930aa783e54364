import { createFormat, type TensorFormat } from '../formats/index.ts';
import type { Kernels } from '../kernels/index.ts';
import { type Datapath, type PreparedWeight, type Site, siteId, type WeightMatrix } from '../model/index.ts';
import {
  type Arithmetic,
  arithmeticAt,
  type DatapathPlan,
  type IntegerArithmetic,
  type ScaledArithmetic,
} from './plan.ts';
import { formatOf } from './product.ts';

/**
 * Measures instead of preparing: the squared error of each weight in its plan's format, over its energy, so that layers
 * of any size compare. Only weights that have a wider format to go to are measured.
 */
export class WeightErrors implements Pick<Datapath, 'kernels' | 'prepare'> {
  /** By site id. */
  readonly errors = new Map<string, number>();
  readonly kernels: Kernels;
  readonly #plan: DatapathPlan;

  constructor(kernels: Kernels, plan: DatapathPlan) {
    this.kernels = kernels;
    this.#plan = plan;
  }

  async prepare(group: readonly { site: Site; weight: WeightMatrix }[]): Promise<PreparedWeight[]> {
    for (const { site, weight } of group) {
      const arithmetic = arithmeticAt(this.#plan, site);
      if (arithmetic.kind !== 'float' && this.#plan.mixed?.wide[site.name])
        this.errors.set(siteId(site), this.#error(narrowFormat(arithmetic), weight));
    }
    return group.map(({ weight: { outputs, inputs } }) => ({ outputs, inputs }));
  }

  #error(format: TensorFormat, { data, inputs }: WeightMatrix): number {
    const { kernels } = this;
    const mark = kernels.mark();
    const [exact, carried] = [kernels.load(data), kernels.load(data)];
    format.round(kernels, carried, inputs, format.fit(kernels, exact, inputs), 'values');
    const layout = { columns: data.length, group: data.length };
    const error = new Float64Array(1);
    const energy = new Float64Array(1);
    kernels.formats.groupSquaredError(error, exact, carried, layout);
    kernels.formats.groupSquaredError(energy, exact, carried.fill(0), layout);
    kernels.release(mark);
    return energy[0]! > 0 ? error[0]! / energy[0]! : 0;
  }
}

function narrowFormat({ weights }: IntegerArithmetic | ScaledArithmetic): TensorFormat {
  return 'settings' in weights ? formatOf(weights) : createFormat(weights.format, {}, weights.granularity);
}

/**
 * OliVe's mixed precision (ISCA 2023, section 3.3): of all measured weights the `share` with the largest error computes in
 * the wide formats; of equal errors the earlier ones.
 */
export function widenWorst(plan: DatapathPlan, errors: ReadonlyMap<string, number>): DatapathPlan {
  const { mixed, ...rest } = plan;
  if (!mixed) return plan;
  const worst = [...errors].sort(([, a], [, b]) => b - a).slice(0, Math.round(mixed.share * errors.size));
  const exceptions: Record<string, Arithmetic> = { ...plan.exceptions };
  for (const [id] of worst) {
    const name = id.slice(id.indexOf('.') + 1) as Site['name'];
    exceptions[id] = mixed.wide[name]!;
  }
  return { ...rest, exceptions };
}
