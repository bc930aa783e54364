import { InputError } from '../errors.ts';
import type { Constant } from './contract.ts';

/** A bit error rate for each supply voltage, lowest voltage first. */
export interface ErrorRateTable {
  /** Where it comes from; a made-up one says "synthetic". */
  source: string;
  points: readonly { volts: number; rate: number }[];
}

/** Between points linear in log10(rate). @throws InputError outside of the table. */
export function errorRate({ points, source }: ErrorRateTable, volts: number): number {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || !(volts >= first.volts && volts <= last.volts)) {
    throw new InputError(
      `error rate: expected a voltage from ${first?.volts} to ${last?.volts} V, found ${volts} V`,
      {
        note: `the table (${source}) says nothing beyond`,
      },
    );
  }
  const above = points.findIndex((point) => point.volts >= volts);
  const [low, high] = [points[Math.max(0, above - 1)]!, points[above]!];
  if (low.volts === high.volts) return high.rate;
  const share = (volts - low.volts) / (high.volts - low.volts);
  return 10 ** (Math.log10(low.rate) * (1 - share) + Math.log10(high.rate) * share);
}

/** An operating point: everything relative to the unprotected array at its nominal voltage. */
export interface OperatingPoint {
  volts: number;
  nominalVolts: number;
  /** Power that the protection adds, as a share of the array's. */
  protectionPower: number;
  /** Share of the tiles that are computed again, from a fault campaign or a model of the errors; 0 to 1. */
  recoveryRate: number;
}

export interface OperatingCost {
  compute: number;
  protection: number;
  recovery: number;
  /** Of the energy, the three together. */
  total: number;
  /** Of the time: a recovered tile is computed twice. */
  time: number;
}

export const VOLTAGE_LAW: Constant = {
  value: 2,
  unit: 'exponent',
  source: 'dynamic energy C V^2; leakage not modelled (ReaLM, DAC 2025, evaluates at a fixed clock)',
};

/**
 * Energy of a tile at a lowered voltage: (V / V0)^2 for computing and checking it, plus recoveryRate times computing and
 * checking it again at V0, which is assumed to be right (ReaLM, DAC 2025).
 *
 * @throws InputError for a rate that is no share.
 */
export function operatingCost({
  volts,
  nominalVolts,
  protectionPower,
  recoveryRate,
}: OperatingPoint): OperatingCost {
  if (!(recoveryRate >= 0 && recoveryRate <= 1))
    throw new InputError(`recovery rate: expected a share from 0 to 1, found ${recoveryRate}`);
  if (!(volts > 0 && nominalVolts > 0))
    throw new InputError(
      `voltage: expected a positive number of volts, found ${Math.min(volts, nominalVolts)}`,
    );
  const compute = (volts / nominalVolts) ** VOLTAGE_LAW.value;
  const protection = compute * protectionPower;
  const recovery = recoveryRate * (1 + protectionPower);
  return { compute, protection, recovery, total: compute + protection + recovery, time: 1 + recoveryRate };
}
