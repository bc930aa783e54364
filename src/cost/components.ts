import type { Constant } from './contract.ts';

/*
 * What datapaths are built of: area, and energy of one operation (a register: of one clock cycle). Numbers of a 40 to 45 nm
 * process; meant for shares of a whole that is built of the same components, where the node cancels.
 */

export interface Component {
  /** um2. */
  area: number;
  /** pJ a cycle in which it works. */
  energy: number;
}

const HOROWITZ = "Horowitz, Computing's Energy Problem, ISSCC 2014, 45 nm, 0.9 V";
const HOROWITZ_AREA = `areas of the same 45 nm units as tabulated beside ${HOROWITZ}`;
const ALADDIN =
  "Aladdin (ISCA 2014), power_func.h, 40 nm, 1 ns; taken unscaled beside 45 nm (NanGate's DFFR_X1: 5.32)";

export const COMPONENT_CONSTANTS = {
  adder32Area: { value: 137, unit: 'um2', source: HOROWITZ_AREA },
  adder32Energy: { value: 0.1, unit: 'pJ', source: HOROWITZ },
  multiplier8Area: { value: 282, unit: 'um2', source: HOROWITZ_AREA },
  multiplier8Energy: { value: 0.2, unit: 'pJ', source: HOROWITZ },
  registerBitArea: { value: 5.981, unit: 'um2', source: ALADDIN },
  registerBitEnergy: { value: 0.009, unit: 'pJ', source: ALADDIN },
} as const satisfies Record<string, Constant>;

const { adder32Area, adder32Energy, multiplier8Area, multiplier8Energy, registerBitArea, registerBitEnergy } =
  COMPONENT_CONSTANTS;

/** Linear in the width: 8, 16 and 32 bits take 36, 67 and 137 um2, 0.03, 0.05 and 0.1 pJ (the same table). */
export function adder(bits: number): Component {
  return { area: (adder32Area.value * bits) / 32, energy: (adder32Energy.value * bits) / 32 };
}

/** Partial products: 8 x 8 bits is the table's; 32 x 32 by this rule is 4512 um2 and 3.2 pJ, in the table 3495 and 3.1. */
export function multiplier(leftBits: number, rightBits: number): Component {
  const share = (leftBits * rightBits) / 64;
  return { area: multiplier8Area.value * share, energy: multiplier8Energy.value * share };
}

/** Clocked every cycle. */
export function register(bits: number): Component {
  return { area: registerBitArea.value * bits, energy: registerBitEnergy.value * bits };
}

/** As an adder of that width: a subtraction of which only the carry is used. */
export function comparator(bits: number): Component {
  return adder(bits);
}

/** Conditional complement and increment. As an adder (assumed). */
export function absolute(bits: number): Component {
  return adder(bits);
}

/** `count` of each, together. */
export function assemble(...parts: readonly (readonly [count: number, component: Component])[]): Component {
  return parts.reduce(
    (sum, [count, { area, energy }]) => ({
      area: sum.area + count * area,
      energy: sum.energy + count * energy,
    }),
    { area: 0, energy: 0 },
  );
}
