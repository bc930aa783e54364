import { InputError } from '../../errors.ts';

/** A key of the machine file, `batch` or `sequence`, with the values that it takes in a sweep. */
export interface SweepAxis {
  key: string;
  /** As they go into the machine file: numbers, text with a unit, words. */
  values: readonly (number | string)[];
  /** The same as numbers, in the unit that they share; undefined for words. */
  numbers: readonly number[] | undefined;
  /** Empty for plain numbers and words. */
  unit: string;
}

/** More than anybody waits for, and than a picture shows. */
const MOST_VALUES = 1_000_000;

const NUMBER = '[-+]?\\d+(?:\\.\\d+)?(?:[eE][-+]?\\d+)?';
const UNIT = '([A-Za-z][A-Za-z0-9/]*)?';
const RANGE = new RegExp(`^(${NUMBER}) ?${UNIT}\\.\\.(${NUMBER}) ?${UNIT}:(${NUMBER}) ?${UNIT}$`);
const QUANTITY = new RegExp(`^(${NUMBER}) ?${UNIT}$`);

/**
 * `KEY=FROM..TO:STEP` (both ends included), `KEY=a,b,c`, or both mixed. A unit may stand behind any of the numbers; where
 * none stands, it is the one that the machine file has at that key.
 * @throws InputError
 */
export function parseAxis(text: string, valueAt: (key: string) => unknown): SweepAxis {
  const equals = text.indexOf('=');
  const key = text.slice(0, equals).trim();
  if (equals < 1 || key === '') {
    throw mistake(text, 'KEY=FROM..TO:STEP or KEY=a,b,c', 'such as --set technology.voltage=0.6..0.9:0.01');
  }
  const items = text
    .slice(equals + 1)
    .split(',')
    .map((item) => parseItem(item.trim(), text));
  const units = new Set(items.map(({ unit }) => unit).filter((unit) => unit !== undefined));
  if (units.size > 1) throw mistake(text, `one unit for all values`, `found ${[...units].join(' and ')}`);
  const numeric = items.every(({ numbers }) => numbers);
  if (!numeric) {
    return {
      key,
      values: items.flatMap(({ numbers, word }): (number | string)[] => numbers ?? [word!]),
      numbers: undefined,
      unit: '',
    };
  }
  const numbers = items.flatMap((item) => item.numbers!);
  const unit = [...units][0] ?? unitOf(valueAt(key)) ?? DEFAULT_UNITS[key] ?? '';
  return { key, values: unit === '' ? numbers : numbers.map((value) => `${value} ${unit}`), numbers, unit };
}

/** The unit of a key that the machine file need not have. */
const DEFAULT_UNITS: Readonly<Record<string, string>> = {
  'technology.node': 'nm',
  'technology.voltage': 'V',
  'technology.nominal-voltage': 'V',
  'technology.threshold-voltage': 'V',
  'technology.mac-energy': 'pJ',
  'technology.mac-area': 'um2',
  'memory.dram.energy': 'pJ/bit',
  'memory.sram.read': 'pJ/bit',
  'memory.sram.write': 'pJ/bit',
};

function unitOf(value: unknown): string | undefined {
  return typeof value === 'string' ? QUANTITY.exec(value)?.[2] : undefined;
}

interface Item {
  numbers?: number[];
  unit?: string | undefined;
  word?: string;
}

function parseItem(item: string, text: string): Item {
  const range = RANGE.exec(item);
  if (range) {
    const [from, to, step] = [Number(range[1]), Number(range[3]), Number(range[5])];
    const units = new Set([range[2], range[4], range[6]].filter((unit) => unit !== undefined));
    if (units.size > 1) throw mistake(text, 'one unit for all values', `found ${[...units].join(' and ')}`);
    if (step === 0 || (to - from) / step < 0) {
      throw mistake(text, `a step that leads from ${from} to ${to}`, `found ${step}`);
    }
    // A hair of slack: (0.9 - 0.6) / 0.01 is a little less than 30.
    const count = Math.floor((to - from) / step + 1e-9) + 1;
    if (count > MOST_VALUES) throw mistake(text, `at most ${MOST_VALUES} values`, `found ${count}`);
    const numbers = Array.from({ length: count }, (_, i) => Number((from + i * step).toPrecision(12)));
    return { numbers, unit: [...units][0] };
  }
  if (item.includes('..'))
    throw mistake(text, 'FROM..TO:STEP, three numbers', `found "${item.slice(0, 40)}"`);
  const quantity = QUANTITY.exec(item);
  if (quantity) return { numbers: [Number(quantity[1])], unit: quantity[2] };
  if (item === '') throw mistake(text, 'a value between commas', 'found none');
  return { word: item };
}

function mistake(text: string, expected: string, note: string): InputError {
  return new InputError(`--set ${text.slice(0, 80)}: expected ${expected}`, { note });
}

/** Every combination of the axes' values, the last axis fastest. @throws InputError for too many */
export function* gridOf(axes: readonly SweepAxis[]): Generator<number[]> {
  const keys = axes.map(({ key }) => key);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) throw new InputError(`--set ${twice}: expected each key once, found it twice`);
  const total = axes.reduce((product, { values }) => product * values.length, 1);
  if (total > MOST_VALUES) throw new InputError(`expected at most ${MOST_VALUES} points, found ${total}`);
  for (let point = 0; point < total; point++) {
    const indices: number[] = [];
    let rest = point;
    for (const { values } of axes.toReversed()) {
      indices.unshift(rest % values.length);
      rest = Math.floor(rest / values.length);
    }
    yield indices;
  }
}
