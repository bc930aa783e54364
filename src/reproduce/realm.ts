import { type ProtectedArray, protectionCost } from '../cost/protection.ts';
import { type ErrorRateTable, errorRate, operatingCost } from '../cost/recovery.ts';
import { compareEntry, type Entry, type Reproduction } from './entry.ts';
import {
  DEGRADATION,
  OVERHEAD,
  RANGE_CHECK,
  REGIONS,
  SENSITIVE,
  SWEET_SPOTS,
  type SweetSpot,
} from './realm-published.ts';
import { recoveryRate } from './realm-recovery.ts';

const NOMINAL_VOLTS = 0.9;
/** The middle of 0.807 to 0.843 V, which Table II's savings imply under E ~ V^2 [inferred]. */
const PRIOR_ART_VOLTS = 0.825;
/** Tiles of the Monte Carlo. */
const TILES = 2000;

/** The paper draws its curve (timing and HSPICE of a 14 nm process) without numbers. */
const SYNTHETIC_RATES: ErrorRateTable = {
  source: 'synthetic: 1e-10 a bit at 0.9 V, ten times as many for each 40 mV less',
  points: [
    { volts: 0.6, rate: 10 ** -2.5 },
    { volts: 0.9, rate: 1e-10 },
  ],
};

/** ReaLM's published tables against the cost model. */
export function reproduceRealm(): Reproduction {
  return {
    paper: 'realm',
    title: 'ReaLM: statistical algorithm-based fault tolerance (DAC 2025)',
    entries: [...overheads(), ...SWEET_SPOTS.map(saving), ...campaigns()],
  };
}

function array(dataflow: ProtectedArray['dataflow']): ProtectedArray {
  return { rows: 256, columns: 256, operandBits: 8, accumulatorBits: 32, dataflow };
}

function overheads(): Entry[] {
  const counted = 'component counts of the drawn circuit, unit costs at 45 nm (Horowitz) and 40 nm (Aladdin)';
  const short: Record<string, string> = {
    'weight-stationary.area':
      '. Short of the paper: widths, buffers and control beyond the drawn parts are not published',
    power:
      '. Short of the paper: every part is taken at the same activity, while checksums (sums of 256 terms) switch ' +
      'more than their operands, and the paper synthesises in 14 nm at 500 ps',
  };
  const checksums = (['weight-stationary', 'output-stationary'] as const).flatMap((dataflow) => {
    const cost = protectionCost('statistical-checksum', array(dataflow));
    return (['area', 'power'] as const).map((what) =>
      compareEntry({
        id: `overhead.${dataflow}.${what}`,
        source: 'circuit overhead, 256 x 256',
        unit: '%',
        paper: OVERHEAD[dataflow][what],
        ours: 100 * cost[what],
        tolerance: { kind: 'absolute', within: 0.3 },
        note: counted + (short[`${dataflow}.${what}`] ?? short[what] ?? ''),
      }),
    );
  });
  const clamp = protectionCost('range-check', array('weight-stationary'));
  const ranges = (['area', 'power'] as const).map((what) =>
    compareEntry({
      id: `overhead.range-check.${what}`,
      source: 'results out of range to zero (a later baseline of the group)',
      unit: '%',
      paper: RANGE_CHECK[what],
      ours: 100 * clamp[what],
      tolerance: { kind: 'absolute', within: 0.05 },
      note: `${counted}; one absolute value and one comparator a column, 256 x 256 (the array's size is not at hand)`,
    }),
  );
  return [...checksums, ...ranges];
}

function saving({ model, component, volts, saving: paper }: SweetSpot): Entry {
  const sensitive = SENSITIVE.includes(component);
  const rate = errorRate(SYNTHETIC_RATES, volts);
  const recovered = recoveryRate(REGIONS[sensitive ? 'sensitive' : 'resilient'], rate, 256, TILES);
  const { power } = protectionCost('statistical-checksum', array('weight-stationary'));
  const common = { nominalVolts: NOMINAL_VOLTS, protectionPower: power };
  const ours = operatingCost({ ...common, volts, recoveryRate: recovered });
  const prior = operatingCost({ ...common, volts: PRIOR_ART_VOLTS, recoveryRate: 0 });
  return compareEntry({
    id: `table2.saving.${model.toLowerCase()}.${component}`,
    source: 'Table II',
    unit: '%',
    paper,
    ours: 100 * (1 - ours.total / prior.total),
    tolerance: { kind: 'absolute', within: 3 },
    note:
      `at the paper's ${volts.toFixed(2)} V, E ~ V^2, against ApproxABFT at ${PRIOR_ART_VOLTS} V for all [inferred from this ` +
      `table; here ${(volts / Math.sqrt(1 - paper / 100)).toFixed(3)} V would meet it without recovery]; ` +
      `SYNTHETIC error rate of ${rate.toExponential(1)} a bit, so ${(100 * recovered).toFixed(1)} % of the tiles again ` +
      `(${sensitive ? 'sensitive' : 'resilient'} region of Fig. 6 [derived])`,
  });
}

/** Entries that the cost model alone cannot answer. */
function campaigns(): Entry[] {
  const entry = (id: string, source: string, unit: string, paper: number, note: string) =>
    compareEntry({
      id,
      source,
      unit,
      paper,
      ours: undefined,
      tolerance: { kind: 'relative', within: 0.1 },
      note,
    });
  return [
    ...SWEET_SPOTS.map(({ model, component, volts }) =>
      entry(
        `table2.voltage.${model.toLowerCase()}.${component}`,
        'Table II',
        'V',
        volts,
        `needs ${model}, a fault campaign at this component for each voltage, and the error rates of the 14 nm process`,
      ),
    ),
    ...DEGRADATION.map(({ id, unit, value, note }) =>
      entry(
        `degradation.${id}`,
        'text, sweet spots of Table II',
        unit,
        value,
        `needs a fault campaign: ${note}`,
      ),
    ),
  ];
}
