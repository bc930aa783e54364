import * as z from 'zod';
import { suggest } from '../errors.ts';

/** Units of a kind of quantity, each with its factor to the SI unit. */
interface QuantityKind {
  /** `a frequency`. */
  what: string;
  example: string;
  units: Readonly<Record<string, number>>;
  /** Smallest and largest sensible value, in the SI unit. */
  min: number;
  max: number;
}

const NUMBER = '\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?';

/** Text such as `1.5 GHz`, one number and one unit; parsed to the SI unit. A number without a unit is a mistake. */
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
    return unit && !Object.hasOwn(units, unit)
      ? `wrong unit "${unit.slice(0, 20)}"; ${suggest(unit, names)}`
      : '';
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

/** `1.5 GHz` for 1.5e9. */
export function formatFrequency(hertz: number): string {
  return format(hertz, FREQUENCY_UNITS);
}
