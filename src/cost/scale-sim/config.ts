import { InputError, nearest, type Place } from '../../errors.ts';
import { printable } from '../../machine/mistakes.ts';
import type { OperandBits } from '../contract.ts';
import type { Dataflow, SystolicArray, SystolicMemory } from '../systolic/index.ts';
import { linesOf, positiveWhole, readText } from './read.ts';

/** What a SCALE-Sim configuration says of a machine. */
export interface ScaleSimConfig {
  /** `run_name`, or the file's. */
  name: string;
  array: SystolicArray;
  memory: SystolicMemory;
  bits: OperandBits;
  /** What the file asks for and nothing here computes, in words for the report. */
  notModelled: readonly string[];
}

/** Every element is a word of one byte: `word_size = 1` (single_layer_sim.py, versions 2.0.2 and 3.0.0). */
const WORD_BITS = 8;
/** `1024 * ifmap_buf_size_kb` (single_layer_sim.py). */
const BITS_OF_A_KILOBYTE = 1024 * 8;

const DATAFLOWS: Record<string, Dataflow> = {
  os: 'output-stationary',
  ws: 'weight-stationary',
  is: 'input-stationary',
};

/** Switches of version 3 that change a result, with what is missing then. */
const SWITCHES: readonly [section: string, key: string, what: string][] = [
  ['sparsity', 'SparsitySupport', 'sparse weights'],
  ['layout', 'IfmapCustomLayout', 'bank conflicts of the inputs'],
  ['layout', 'FilterCustomLayout', 'bank conflicts of the weights'],
  ['run_presets', 'UseRamulatorTrace', 'DRAM latency from Ramulator traces'],
];

export function loadScaleSimConfig(path: string): ScaleSimConfig {
  return parseScaleSimConfig(readText(path), path);
}

/**
 * A SCALE-Sim .cfg, of version 2 or 3, as Python's configparser reads it: sections, `key: value` or `key = value`, keys
 * in any case, whole lines of comment after # or ;. Keys that nothing here needs are passed over, as SCALE-Sim does.
 *
 * In USER mode each operand has an interface of the first `Bandwidth` in words a cycle; in CALC mode there are no stalls,
 * here: they are not modelled. (Version 3 takes the read bandwidths from its [layout] section instead.)
 * @throws InputError with line and column
 */
export function parseScaleSimConfig(text: string, file: string): ScaleSimConfig {
  const ini = new Ini(text, file);
  const array = 'architecture_presets';
  const dataflow = ini.need(array, 'Dataflow');
  if (!Object.hasOwn(DATAFLOWS, dataflow.text)) {
    throw new InputError(`Dataflow: expected os, ws or is, found "${printable(dataflow.text, 40)}"`, {
      place: dataflow.place,
    });
  }
  const mode = ini.need('run_presets', 'InterfaceBandwidth');
  if (mode.text !== 'USER' && mode.text !== 'CALC') {
    throw new InputError(`InterfaceBandwidth: expected USER or CALC, found "${printable(mode.text, 40)}"`, {
      place: mode.place,
    });
  }
  const user = mode.text === 'USER' ? ini.need(array, 'Bandwidth') : undefined;
  const words = user && positiveWhole(user.text.split(',')[0]!, 'Bandwidth', user.place);
  const capacity = (key: string) => ini.whole(array, key) * BITS_OF_A_KILOBYTE;
  return {
    name: printable(ini.find('general', 'run_name')?.text || file),
    array: {
      rows: ini.whole(array, 'ArrayHeight'),
      columns: ini.whole(array, 'ArrayWidth'),
      dataflow: DATAFLOWS[dataflow.text]!,
    },
    memory: {
      inputBits: capacity('IfmapSramSzkB'),
      weightBits: capacity('FilterSramSzkB'),
      outputBits: capacity('OfmapSramSzkB'),
      dramBitsPerCycle: words === undefined ? undefined : words * WORD_BITS,
      dramPerOperand: true,
    },
    bits: { input: WORD_BITS, weight: WORD_BITS, output: WORD_BITS },
    notModelled: SWITCHES.flatMap(([section, key, what]) =>
      ini.find(section, key)?.text.toLowerCase() === 'true' ? [`${what} (${key})`] : [],
    ),
  };
}

interface Value {
  text: string;
  place: Place;
}

/** The part of Python's configparser that SCALE-Sim's files use. */
class Ini {
  readonly #sections = new Map<string, Map<string, Value & { key: string }>>();
  readonly #file: string;

  constructor(text: string, file: string) {
    this.#file = file;
    let section: Map<string, Value & { key: string }> | undefined;
    for (const [index, line] of linesOf(text, file).entries()) {
      const start = line.search(/\S/);
      if (start < 0 || line[start] === '#' || line[start] === ';') continue;
      const place = (column: number): Place => ({ file, line: index + 1, column: column + 1 });
      const heading = /^\[([^\]]+)\]\s*$/.exec(line.slice(start))?.[1];
      if (heading !== undefined) {
        if (this.#sections.has(heading)) {
          throw new InputError(`section [${printable(heading, 40)}] is there twice`, { place: place(start) });
        }
        section = new Map();
        this.#sections.set(heading, section);
        continue;
      }
      const separator = line.search(/[:=]/);
      if (!section || separator <= start) {
        const expected = section ? '"key: value" or a [section]' : 'a [section] first';
        throw new InputError(`expected ${expected}, found "${printable(line.trim(), 40)}"`, {
          place: place(start),
        });
      }
      const key = line.slice(start, separator).trim();
      if (section.has(key.toLowerCase())) {
        throw new InputError(`${printable(key, 40)} is there twice`, { place: place(start) });
      }
      const value = line.slice(separator + 1);
      const column = separator + 1 + Math.max(0, value.search(/\S/));
      section.set(key.toLowerCase(), { key, text: value.trim(), place: place(column) });
    }
  }

  find(section: string, key: string): Value | undefined {
    return this.#sections.get(section)?.get(key.toLowerCase());
  }

  need(section: string, key: string): Value {
    const found = this.find(section, key);
    if (found) return found;
    const keys = this.#sections.get(section);
    if (!keys) {
      throw new InputError(`expected a section [${section}], found none`, { place: { file: this.#file } });
    }
    const near = nearest(
      key,
      [...keys.values()].map((value) => value.key),
    );
    throw new InputError(`expected ${key} in section [${section}], found none`, {
      place: { file: this.#file },
      ...(near === undefined ? {} : { note: `is "${printable(near, 40)}" meant to be it?` }),
    });
  }

  whole(section: string, key: string): number {
    const { text, place } = this.need(section, key);
    return positiveWhole(text, key, place);
  }
}
