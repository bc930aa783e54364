import type { Machine } from '../machine/index.ts';
import type { ArrayRun } from './array-model.ts';
import { COMPONENT_CONSTANTS } from './components.ts';
import type { Constant, Energy } from './contract.ts';
import { type ProtectionKind, protectionCost } from './protection.ts';
import { operatingCost } from './recovery.ts';

/** The protection of a machine's array. Shares are of the unprotected array. */
export interface MachineProtection {
  area: Constant;
  power: Constant;
  cyclesPerFold: Constant;
  /** Share of the tiles that are computed again; undefined where the machine file does not say. */
  recoveryRate: Constant | undefined;
  notModelled: readonly string[];
}

/** int32, as all sums of integers here. */
const ACCUMULATOR_BITS = 32;

const REALM = 'ReaLM (DAC 2025, arXiv 2503.24053)';
const COUNTS: Record<ProtectionKind, string> = {
  checksum: `components counted in the circuit that ${REALM} draws, without its statistics unit`,
  'statistical-checksum': `components counted in the circuit that ${REALM} draws`,
  dmr: 'assumed: the array once more, and a comparator a column',
  tmr: 'assumed: the array twice more, and a majority of the outputs a column',
  'range-check': 'assumed: an absolute value and a comparator a column',
};
const LATENCIES: Record<ProtectionKind, string> = {
  checksum: 'a row and a column more of skew, and a comparison (assumed: one cycle)',
  'statistical-checksum': 'a row and a column more of skew, and the statistics (assumed: four cycles)',
  dmr: 'assumed: a comparison after the last output',
  tmr: 'assumed: a majority after the last output',
  'range-check': 'assumed: a comparison after the last output',
};

/** Kinds that find no error which they do not mend at once: by majority, by a result of 0. */
const MENDING: Partial<Record<ProtectionKind, string>> = {
  tmr: 'the majority of three results stands, nothing is computed again',
  'range-check': 'a result out of range becomes 0, nothing is computed again',
};

/** What the machine file's `protection` costs. Undefined without one; what it may stand beside, the file's reader has seen to. */
export function protectionOf({ array, protection }: Machine): MachineProtection | undefined {
  if (!protection || !array) return undefined;
  const { kind, 'recovery-rate': rate } = protection;
  const { area, power, cyclesPerFold } = protectionCost(kind, {
    rows: array.rows!,
    columns: array.columns!,
    operandBits: Math.max(...array.multiplies.map((format) => Number(format.slice('int'.length)))),
    accumulatorBits: ACCUMULATOR_BITS,
    dataflow: array.dataflow as 'output-stationary' | 'weight-stationary',
  });
  const mends = MENDING[kind];
  const stated = rate !== undefined && {
    value: rate,
    unit: '',
    source: 'the machine file: protection.recovery-rate',
  };
  const recoveryRate = mends === undefined ? stated || undefined : { value: 0, unit: '', source: mends };
  return {
    area: { value: area, unit: 'of the array', source: COUNTS[kind] },
    power: { value: power, unit: 'of the array', source: COUNTS[kind] },
    cyclesPerFold: { value: Number(cyclesPerFold), unit: 'cycles', source: LATENCIES[kind] },
    recoveryRate,
    notModelled: [
      ...(recoveryRate === undefined
        ? ['cycles and energy of recovery: the machine names no protection.recovery-rate']
        : []),
      ...(recoveryRate?.value ? ['memory traffic of recovery: what is computed again is read again'] : []),
    ],
  };
}

/** Every figure that went in. */
export function protectionConstants(protection: MachineProtection | undefined): Record<string, Constant> {
  if (!protection) return {};
  const { area, power, cyclesPerFold, recoveryRate } = protection;
  const { adder32Area, adder32Energy, multiplier8Area, multiplier8Energy } = COMPONENT_CONSTANTS;
  const { registerBitArea, registerBitEnergy } = COMPONENT_CONSTANTS;
  return {
    'protection, area': area,
    'protection, power': power,
    'protection, of each fold': cyclesPerFold,
    ...(recoveryRate && { 'recovery, share of the tiles': recoveryRate }),
    'component of protection: 32-bit adder, area': adder32Area,
    'component of protection: 32-bit adder, energy': adder32Energy,
    'component of protection: 8-bit multiplier, area': multiplier8Area,
    'component of protection: 8-bit multiplier, energy': multiplier8Energy,
    'component of protection: register bit, area': registerBitArea,
    'component of protection: register bit, energy': registerBitEnergy,
  };
}

/**
 * A run of `count` GEMMs with its checks: cyclesPerFold x folds more, and recoveryRate times all of it again, rounded up.
 * Stalls stay: what the longer folds would hide of them is not modelled.
 */
export function protectedRun(
  run: ArrayRun,
  protection: MachineProtection | undefined,
  count: number,
): ArrayRun {
  if (!protection || run.folds === undefined) return run;
  const { cycles, utilization } = run.cost;
  const checked = cycles.compute + run.folds * BigInt(protection.cyclesPerFold.value);
  const compute = checked + shareOf(checked, protection.recoveryRate?.value ?? 0);
  // Utilisation also counts the cycle of each GEMM that SCALE-Sim leaves out.
  const rest = (cycles.stall ?? 0n) + BigInt(count);
  return {
    ...run,
    cost: {
      ...run.cost,
      cycles: { ...cycles, compute },
      utilization: (utilization * Number(cycles.compute + rest)) / Number(compute + rest),
    },
  };
}

/** Decimals of a recovery rate that count. */
const RATE_UNIT = 10n ** 15n;

/** Rounded up, exact beyond 2^53. */
function shareOf(cycles: bigint, rate: number): bigint {
  return (cycles * BigInt(Math.round(rate * Number(RATE_UNIT))) + RATE_UNIT - 1n) / RATE_UNIT;
}

/**
 * Of the array: checks at its voltage, recovery at the nominal one (recovery.ts).
 *
 * @param compute pJ of the multiply-accumulates at the nominal voltage
 */
export function protectionEnergy(
  protection: MachineProtection | undefined,
  compute: number | undefined,
  volts: { supply: number; nominal: number } | undefined,
): Pick<Energy, 'protection' | 'recovery'> {
  if (!protection || compute === undefined || !volts) return { protection: undefined, recovery: undefined };
  const { power, recoveryRate } = protection;
  const shares = operatingCost({
    volts: volts.supply,
    nominalVolts: volts.nominal,
    protectionPower: power.value,
    recoveryRate: recoveryRate?.value ?? 0,
  });
  return {
    protection: compute * shares.protection,
    recovery: recoveryRate && compute * shares.recovery,
  };
}
