import { InputError } from '../errors.ts';
import type { Constant } from './contract.ts';

/*
 * What a circuit costs in another process, and at another voltage. Between nodes: Stillmaker and Baas, "Scaling equations
 * for the accurate prediction of CMOS device performance from 180 nm to 7 nm", Integration 58, 2017: area ratios (table 1)
 * and an energy polynomial in the supply voltage for each node (table 5), from HSPICE with PTM and ITRS models. Nodes
 * between theirs are interpolated geometrically.
 */

const STILLMAKER = 'Stillmaker and Baas, Integration 58, 2017';

interface Node {
  nanometres: number;
  /** Of one and the same circuit, relative to 45 nm (table 1). */
  area: number;
  /** E = a V² + b V + c of the high-performance transistors, in one unit for all nodes (table 5). */
  energy: readonly [a: number, b: number, c: number];
  /** Supply of the transistor models, volts: PTM for bulk (180 to 32 nm), PTM-MG for FinFETs. */
  nominalVoltage: number;
}

const NODES: readonly Node[] = [
  { nanometres: 7, area: 0.059, energy: [0.1776, -0.09097, 0.02447], nominalVoltage: 0.7 },
  { nanometres: 10, area: 0.1, energy: [0.2068, -0.09311, 0.02375], nominalVoltage: 0.75 },
  { nanometres: 14, area: 0.17, energy: [0.2363, -0.09675, 0.02239], nominalVoltage: 0.8 },
  { nanometres: 16, area: 0.19, energy: [0.2958, -0.1241, 0.03024], nominalVoltage: 0.85 },
  { nanometres: 20, area: 0.21, energy: [0.373, -0.1582, 0.04104], nominalVoltage: 0.9 },
  { nanometres: 32, area: 0.46, energy: [0.8367, -0.4341, 0.1701], nominalVoltage: 0.9 },
  { nanometres: 45, area: 1, energy: [1.018, -0.3107, 0.1539], nominalVoltage: 1 },
  { nanometres: 65, area: 1.5, energy: [3.755, -4.398, 1.975], nominalVoltage: 1.1 },
  { nanometres: 90, area: 2.8, energy: [4.762, -4.781, 2.092], nominalVoltage: 1.2 },
  { nanometres: 130, area: 6.4, energy: [7.171, -6.709, 2.904], nominalVoltage: 1.3 },
  { nanometres: 180, area: 19, energy: [0, 24.64, -17.98], nominalVoltage: 1.8 },
];

export const SMALLEST_NODE = NODES[0]!.nanometres;
export const LARGEST_NODE = NODES.at(-1)!.nanometres;

/** A process and the supply that a figure holds for, or that a machine runs at. */
export interface Process {
  /** Nanometres. */
  node: number;
  /** Volts. */
  voltage: number;
}

/** What one circuit takes in a process, relative to another. */
export function areaFactor(from: number, to: number): Constant {
  return {
    value: interpolate(to, ({ area }) => area) / interpolate(from, ({ area }) => area),
    unit: '',
    source: `${STILLMAKER}, table 1: area from ${from} nm to ${to} nm`,
  };
}

/** What one operation takes in a process at a voltage, relative to another. */
export function energyFactor(from: Process, to: Process): Constant {
  return {
    value: energyAt(to) / energyAt(from),
    unit: '',
    source:
      `${STILLMAKER}, table 5: energy from ${from.node} nm, ${from.voltage} V ` +
      `to ${to.node} nm, ${to.voltage} V`,
  };
}

/** Volts. */
export function nominalVoltage(node: number): Constant {
  return {
    value: Number(interpolate(node, (entry) => entry.nominalVoltage).toPrecision(3)),
    unit: 'V',
    source: `nominal supply of the predictive transistor models at ${node} nm (PTM; PTM-MG from 20 nm on)`,
  };
}

function energyAt({ node, voltage }: Process): number {
  return interpolate(node, ({ energy: [a, b, c] }) => a * voltage ** 2 + b * voltage + c);
}

/** Geometrically between the two nodes around this one. @throws InputError beyond the table */
function interpolate(nanometres: number, of: (node: Node) => number): number {
  const upper = NODES.findIndex((node) => node.nanometres >= nanometres);
  if (!(nanometres >= SMALLEST_NODE) || upper < 0) {
    throw new InputError(
      `expected a node from ${SMALLEST_NODE} to ${LARGEST_NODE} nm, found ${nanometres} nm`,
      {
        place: { key: 'technology.node' },
        note: `the scaling equations (${STILLMAKER}) cover no other`,
      },
    );
  }
  const high = NODES[upper]!;
  if (high.nanometres === nanometres) return of(high);
  const low = NODES[upper - 1]!;
  const share = Math.log(nanometres / low.nanometres) / Math.log(high.nanometres / low.nanometres);
  return of(low) ** (1 - share) * of(high) ** share;
}

/** Switching energy at a voltage, relative to the nominal one: charge times voltage, E ~ V². */
export function voltageEnergyFactor(voltage: number, nominal: number): Constant {
  return {
    value: (voltage / nominal) ** 2,
    unit: '',
    source: `switching energy C·V² at ${voltage} V, relative to ${nominal} V`,
  };
}

/** Volts; where a machine file does not say. */
export const THRESHOLD_VOLTAGE: Constant = {
  value: 0.3,
  unit: 'V',
  source: 'assumed: a common value of regular transistors',
};

const ALPHA = 1.3;

/** Highest clock at a voltage, relative to the nominal one: the alpha-power law, f ~ (V - Vt)^α / V. */
export function frequencyFactor(voltage: number, nominal: number, threshold: number): Constant {
  for (const [key, value] of [
    ['technology.voltage', voltage],
    ['technology.nominal-voltage', nominal],
  ] as const) {
    if (value > threshold) continue;
    throw new InputError(`expected a voltage above the threshold of ${threshold} V, found ${value} V`, {
      place: { key },
      note: 'below the threshold the alpha-power law does not hold',
    });
  }
  const speed = (volts: number) => (volts - threshold) ** ALPHA / volts;
  return {
    value: speed(voltage) / speed(nominal),
    unit: '',
    source:
      `alpha-power law (Sakurai and Newton, IEEE JSSC 25(2), 1990), alpha ${ALPHA} for short channels, ` +
      `threshold ${threshold} V, ${voltage} V relative to ${nominal} V`,
  };
}

/** Volts of a drain's pull on the threshold for a volt of supply; volts of threshold for ten times the leakage. */
const BARRIER_LOWERING = 0.1;
const SUBTHRESHOLD_SWING = 0.1;

/** Leakage power at a voltage, relative to the nominal one. */
export function leakageFactor(voltage: number, nominal: number): Constant {
  return {
    value: (voltage / nominal) * 10 ** ((BARRIER_LOWERING * (voltage - nominal)) / SUBTHRESHOLD_SWING),
    unit: '',
    source:
      'subthreshold leakage with drain-induced barrier lowering (Roy, Mukhopadhyay and Mahmoodi-Meimand, Proc. IEEE 91(2), ' +
      `2003); assumed: ${BARRIER_LOWERING} V/V and a swing of ${1000 * SUBTHRESHOLD_SWING} mV a decade`,
  };
}
