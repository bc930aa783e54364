import { InputError } from '../../errors.ts';
import type { TensorFormat } from '../../formats/index.ts';
import type { Gemm, Kernels } from '../../kernels/index.ts';
import type { Site, WeightMatrix } from '../../model/index.ts';
import { siteId } from '../../model/index.ts';
import { type Calibration, calibrated } from '../calibration.ts';
import { smoothingFactors } from '../smoothquant.ts';
import type { Statistic } from '../statistics.ts';
import { awq } from './awq.ts';
import { type GptqOptions, gptq } from './gptq.ts';
import type { QuantizedWeight } from './quantized-weight.ts';
import { rtn } from './rtn.ts';
import {
  type DiagonalTransform,
  diagonalOf,
  type InputTransform,
  transformHessian,
  transformWeight,
} from './transform.ts';

/** How weights are brought into their format. Plain data. */
export interface WeightMethod {
  readonly algorithm:
    | { readonly name: 'rtn' }
    | ({ readonly name: 'gptq' } & Readonly<GptqOptions>)
    /** `clip`: with its search for clipped ranges (not at q and k). */
    | { readonly name: 'awq'; readonly clip?: boolean | undefined };
  /** SmoothQuant's α, where its factors come before everything else. */
  readonly smoothing?: number | undefined;
  /** Rotates the inputs, after the smoothing and before the algorithm. */
  readonly hadamard?: boolean | undefined;
}

export interface QuantizedGroup {
  /** What the input goes through before it is encoded. */
  transform: InputTransform;
  weights: QuantizedWeight[];
}

/** What a method needs of its sites beside largest magnitudes. */
export function statisticsOf({ algorithm }: WeightMethod): Statistic[] {
  if (algorithm.name === 'gptq') return ['hessian'];
  if (algorithm.name === 'awq') return ['hessian', 'meanAbs'];
  return [];
}

/**
 * The weights of sites that share an input, in a format: smoothing, then rotation, then the algorithm on what they make of
 * weights and statistics.
 *
 * @throws InputError where statistics that the method needs are missing, or AWQ is to follow a rotation
 */
export async function quantizeGroup(
  kernels: Kernels,
  gemm: Gemm,
  group: readonly { site: Site; weight: WeightMatrix }[],
  format: TensorFormat,
  method: WeightMethod,
  calibration: Calibration | undefined,
): Promise<QuantizedGroup> {
  const { algorithm, smoothing, hadamard } = method;
  const { site, weight } = group[0]!;
  if (algorithm.name === 'awq' && hadamard) {
    throw new InputError(`site ${siteId(site)}: AWQ's factors belong to channels, which a rotation mixes`, {
      note: 'use AWQ without a rotation, or gptq or rtn with it',
    });
  }
  const before: InputTransform = {
    diagonal:
      smoothing === undefined
        ? undefined
        : diagonalOf(smoothed(kernels, group, calibrated(calibration, site).input, smoothing)),
    hadamard,
  };
  const mark = kernels.mark();
  try {
    const weights = group.map((member) => transformed(kernels, member.weight, before));
    if (algorithm.name === 'rtn') {
      return { transform: before, weights: weights.map((w) => rtn(kernels, w, format)) };
    }
    const statistics = calibrated(calibration, site);
    const { hessian: measured } = statistics;
    if (!measured) throw missing(site, algorithm.name);
    let hessian = measured;
    if (before.diagonal || hadamard) {
      hessian = kernels.load(measured);
      transformHessian(kernels, hessian, weight.inputs, before);
    }
    if (algorithm.name === 'gptq') {
      return { transform: before, weights: await gptq(kernels, gemm, weights, format, hessian, algorithm) };
    }
    if (!statistics.meanAbs) throw missing(site, algorithm.name);
    const meanAbs = statistics.meanAbs.map((mean, i) => mean * (before.diagonal?.input[i] ?? 1));
    const clips = (i: number) => algorithm.clip === true && !['q', 'k'].includes(group[i]!.site.name);
    const found = await awq(kernels, gemm, weights, format, { meanAbs, hessian }, { clip: clips });
    return {
      transform: { diagonal: combined(before.diagonal, found.transform.diagonal!) },
      weights: found.weights,
    };
  } finally {
    kernels.release(mark);
  }
}

function smoothed(
  kernels: Kernels,
  group: readonly { weight: WeightMatrix }[],
  inputMax: Float32Array,
  alpha: number,
): Float32Array {
  const weights = group.map(({ weight }) => weight);
  return smoothingFactors(kernels, inputMax, weights, alpha);
}

function transformed(kernels: Kernels, weight: WeightMatrix, transform: InputTransform): WeightMatrix {
  if (!transform.diagonal && !transform.hadamard) return weight;
  const mark = kernels.mark();
  const x = kernels.load(weight.data);
  transformWeight(kernels, x, weight.inputs, transform);
  const data = new Float32Array(x);
  kernels.release(mark);
  return { ...weight, data };
}

/** One diagonal after the other. */
function combined(first: DiagonalTransform | undefined, second: DiagonalTransform): DiagonalTransform {
  if (!first) return second;
  return diagonalOf(second.weight.map((factor, i) => factor * first.weight[i]!));
}

function missing(site: Site, algorithm: string): InputError {
  return new InputError(`site ${siteId(site)}: ${algorithm} needs statistics that its calibration lacks`, {
    note: 'give calibration data',
  });
}
