import * as z from 'zod';
import { suggest } from '../errors.ts';

/** A kind of quantity. */
interface QuantityKind {
  /** `a frequency`. */
  what: string;
  example: string;
  /** With their factors to the unit that values are parsed to, in ascending order. */
  units: Readonly<Record<string, number>>;
  /** Smallest and largest sensible value, in that unit. */
  min: number;
  max: number;
}

const NUMBER = '\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?';

/** Text such as `1.5 GHz`, one number and one unit; parsed to the unit with the factor 1. A number without a unit is a mistake. */
function quantity({ what, example, units, min, max }: QuantityKind) {
  const names = Object.keys(units);
  const pattern = new RegExp(`^(${NUMBER}) ?(${names.join('|')})$`);
  const expected = `${what} with its unit (${names.join(', ')}), such as "${example}"`;

  const parse = (text: string): number => {
    const [, number, unit] = pattern.exec(text)!;
    return Number(number) * units[unit!]!;
  };
  const note = (input: unknown): string => {
    if (typeof input === 'number') return `a number alone has no unit: write it as "${example}"`;
    if (typeof input !== 'string') return '';
    const unit = new RegExp(`^${NUMBER}\\s*(\\S+)$`).exec(input.trim())?.[1];
    if (!unit || Object.hasOwn(units, unit)) return '';
    // "GB" for "GB/s" and "KB" for "KiB" are nearer in meaning than in spelling.
    const plain = (name: string) => name.replace('i', '').toLowerCase();
    const meant = names.find((name) => name.startsWith(`${unit}/`) || plain(name) === unit.toLowerCase());
    const hint = meant ? `did you mean "${meant}"? known: ${names.join(', ')}` : suggest(unit, names);
    return `wrong unit "${unit.slice(0, 20)}"; ${hint}`;
  };
  return z
    .string({ error: ({ input }) => `${expected}\n${note(input)}` })
    .regex(pattern, { error: ({ input }) => `${expected}\n${note(input)}`, abort: true })
    .transform(parse)
    .refine((value) => value >= min && value <= max, {
      error: `${what} from ${format(min, units)} to ${format(max, units)}`,
    });
}

/** A value in the largest unit in which it is at least 1. */
function format(value: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, factor]) => value >= factor);
  const [unit, factor] = fitting.at(-1) ?? Object.entries(units)[0]!;
  return `${value / factor} ${unit}`;
}

const FREQUENCY_UNITS = { Hz: 1, kHz: 1e3, MHz: 1e6, GHz: 1e9 };

/** Hertz. The bounds only catch slips: nothing computes at 1 Hz or at 1 THz. */
export const frequency = quantity({
  what: 'a frequency',
  example: '1 GHz',
  units: FREQUENCY_UNITS,
  min: 1e3,
  max: 1e11,
});

/** Volts. */
export const voltage = quantity({
  what: 'a voltage',
  example: '0.9 V',
  units: { mV: 1e-3, V: 1 },
  min: 0.1,
  max: 5,
});

/** Nanometres. */
export const processNode = quantity({
  what: 'a process node',
  example: '28 nm',
  units: { nm: 1 },
  min: 7,
  max: 180,
});

/** Bytes. */
export const capacity = quantity({
  what: 'a capacity',
  example: '64 KiB',
  units: { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
  min: 1,
  max: 2 ** 33,
}).refine(Number.isInteger, { error: 'a whole number of bytes' });

/** Bytes a second. */
export const bandwidth = quantity({
  what: 'a bandwidth',
  example: '256 GB/s',
  units: { 'B/s': 1, 'MB/s': 1e6, 'GB/s': 1e9, 'TB/s': 1e12 },
  min: 1e3,
  max: 1e15,
});

/** Picojoules a bit. */
export const energyPerBit = quantity({
  what: 'an energy a bit',
  example: '3.9 pJ/bit',
  units: { 'fJ/bit': 1e-3, 'pJ/bit': 1, 'nJ/bit': 1e3 },
  min: 1e-6,
  max: 1e6,
});

/** Picojoules. */
export const energy = quantity({
  what: 'an energy',
  example: '0.3 pJ',
  units: { fJ: 1e-3, pJ: 1, nJ: 1e3 },
  min: 1e-6,
  max: 1e6,
});

/** Square micrometres. */
export const area = quantity({
  what: 'an area',
  example: '50 um2',
  units: { um2: 1, mm2: 1e6 },
  min: 1e-3,
  max: 1e9,
});

/** `1.5 GHz` for 1.5e9. */
export function formatFrequency(hertz: number): string {
  return format(hertz, FREQUENCY_UNITS);
}
