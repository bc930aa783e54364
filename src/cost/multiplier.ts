import { FORMATS } from '../formats/index.ts';
import type { Constant } from './contract.ts';
import { areaFactor, energyFactor, type Process } from './technology.ts';

/** What one multiply-accumulate unit takes. What no source gives is undefined: not modelled. */
export interface MultiplierFigures {
  /** pJ for one multiply-accumulate. */
  energy: Constant | undefined;
  /** um2 of one unit. */
  area: Constant | undefined;
}

/** A published figure, where it holds. */
interface Published {
  process: Process;
  /** pJ. */
  energy: number;
  /** um2. */
  area?: number;
  energySource: string;
  areaSource?: string;
}

const HOROWITZ = 'Horowitz, "Computing\'s Energy Problem", ISSCC 2014, fig. 1.1.9 (45 nm, 0.9 V)';
const HOROWITZ_AREA = 'synthesis at 45 nm (TSMC), as tabled in Sze et al., Proc. IEEE 105(12), 2017';
const AT_45: Process = { node: 45, voltage: 0.9 };

/** Multiplier and adder of one product and its sum. */
const PUBLISHED: Record<string, Published> = {
  int8: {
    process: AT_45,
    energy: 0.2 + 0.1,
    area: 282 + 137,
    energySource: `${HOROWITZ}: int8 multiplication 0.2 pJ, int32 addition 0.1 pJ`,
    areaSource: `${HOROWITZ_AREA}: int8 multiplier 282 um2, int32 adder 137 um2`,
  },
  float16: {
    process: AT_45,
    energy: 1.1 + 0.9,
    area: 1640 + 4184,
    energySource: `${HOROWITZ}: float16 multiplication 1.1 pJ, float32 addition 0.9 pJ`,
    areaSource: `${HOROWITZ_AREA}: float16 multiplier 1640 um2, float32 adder 4184 um2`,
  },
  float32: {
    process: AT_45,
    energy: 3.7 + 0.9,
    area: 7700 + 4184,
    energySource: `${HOROWITZ}: float32 multiplication 3.7 pJ, float32 addition 0.9 pJ`,
    areaSource: `${HOROWITZ_AREA}: float32 multiplier 7700 um2, float32 adder 4184 um2`,
  },
  bfloat16: {
    process: { node: 7, voltage: 0.7 },
    energy: 0.21 + 0.38,
    energySource:
      'Jouppi et al., "Ten Lessons From Three Generations Shaped Google\'s TPUv4i", ISCA 2021, table 2 (7 nm; ' +
      'assumed: 0.7 V): bfloat16 multiplication 0.21 pJ, float32 addition 0.38 pJ',
  },
};

/**
 * The multiplier that two formats need: one of float16 for float16 activations with int4 weights, which are decoded first;
 * of int8 for integers up to 8 bits. Undefined where no source has a figure.
 */
function multiplierFor(weights: string, activations: string): { name: string; note: string } | undefined {
  const floats = [weights, activations].filter((name) => FORMATS[name]?.float);
  if (floats.length > 0) {
    const bits = (name: string) => FORMATS[name]!.float!.bits;
    const widest = floats.reduce((most, name) => (bits(name) > bits(most) ? name : most));
    // float16 and bfloat16 have a value of the other that neither holds.
    if (floats.length === 2 && floats[0] !== floats[1] && bits(floats[0]!) === bits(floats[1]!))
      return undefined;
    return {
      name: widest,
      note: floats.length === 1 ? `; the other operand is decoded to ${widest} first` : '',
    };
  }
  const widths = [weights, activations].map((name) => /^int(\d+)$/.exec(name)?.[1]).map(Number);
  if (!widths.every((width) => width <= 8)) return undefined;
  const narrow = widths.some((width) => width < 8);
  return { name: 'int8', note: narrow ? '; assumed: as much for narrower operands, which take less' : '' };
}

/** The figures of the unit that multiplies two formats, at the machine's node and nominal voltage. */
export function multiplierFigures(weights: string, activations: string, process: Process): MultiplierFigures {
  const needed = multiplierFor(weights, activations);
  const published = needed && PUBLISHED[needed.name];
  if (!published) return { energy: undefined, area: undefined };
  const { energy, area, energySource, areaSource } = published;
  const energyScale = energyFactor(published.process, process);
  const areaScale = areaFactor(published.process.node, process.node);
  return {
    energy: {
      value: energy * energyScale.value,
      unit: 'pJ',
      source: `${energySource}${needed.note}; ${energyScale.source}`,
    },
    area:
      area === undefined
        ? undefined
        : {
            value: area * areaScale.value,
            unit: 'um2',
            source: `${areaSource}${needed.note}; ${areaScale.source}`,
          },
  };
}
