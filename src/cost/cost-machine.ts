import { InputError } from '../errors.ts';
import type { ArrayShape, Machine, MemoryDescription, TechnologyDescription } from '../machine/index.ts';
import { SITE_NAMES, type SiteName } from '../model/site.ts';
import { ARRAY_MODELS, type ArrayMemory } from './array-model.ts';
import type { Constant } from './contract.ts';
import { DRAM_TYPES } from './dram.ts';
import { type MachineProtection, protectionOf } from './machine-protection.ts';
import { type MultiplierFigures, multiplierFigures } from './multiplier.ts';
import type { ScaleSimConfig } from './scale-sim/index.ts';
import { type SramFigures, sramFigures } from './sram.ts';
import { operandNames, operandsOf, type SiteOperands } from './stored-bits.ts';
import {
  frequencyFactor,
  leakageFactor,
  nominalVoltage,
  type Process,
  THRESHOLD_VOLTAGE,
  voltageEnergyFactor,
} from './technology.ts';

export type BufferName = 'input' | 'weight' | 'output';
export const BUFFERS = ['input', 'weight', 'output'] as const satisfies readonly BufferName[];

/** A machine with everything that its cost needs: formats measured, figures looked up, so that `costOf` is arithmetic. */
export interface CostMachine {
  name: string;
  array: ArrayShape;
  /** Hz, at the machine's voltage. */
  clock: Constant | undefined;
  /** B/s. */
  bandwidth: Constant | undefined;
  dramBitsPerCycle: number | undefined;
  dramPerOperand: boolean;
  /** Of a sum that is not complete. */
  partialBits: number;
  memory: ArrayMemory | undefined;
  /** pJ/bit. */
  dramEnergy: Constant | undefined;
  /** Figures of the buffers at nominal voltage. */
  buffers: Record<BufferName, SramFigures> | undefined;
  /** Multiplies switching energies and leakage; undefined without a technology. */
  voltage: { supply: number; nominal: number; energy: Constant; leakage: Constant } | undefined;
  protection: MachineProtection | undefined;
  sites: Record<SiteName, SiteOperands>;
  /** Of a topology's layers: what most sites have. */
  usual: SiteOperands;
  /** At nominal voltage. */
  multiplier(operands: SiteOperands): MultiplierFigures;
  /** Machine-wide, in words. */
  notModelled: readonly string[];
}

/** int32 and float32. */
export const ACCUMULATOR_BITS = 32;

const IN_THE_FILE = 'the machine file';

/** @throws InputError where the machine has no array, or a buffer that the table of SRAMs does not cover */
export async function prepareCost(machine: Machine): Promise<CostMachine> {
  const { array, memory, technology, plan } = machine;
  if (!array) {
    throw new InputError(`${machine.name} has no array, so its cost is not known`, {
      place: { file: machine.source, key: 'array' },
      note: 'add one, such as array: { rows: 128, columns: 128, dataflow: output-stationary }',
    });
  }
  const model = ARRAY_MODELS[array.kind];
  const clock = clockOf(machine) ?? model.clock?.(array);
  const stated = dramOf(memory?.dram);
  const dram = { ...stated, bandwidth: stated.bandwidth ?? model.bandwidth?.(array) };
  const process = processOf(technology);
  const sram = memory?.sram;
  const buffers = sram && process && buffersOf(sram, process);
  const protection = protectionOf(machine);
  const entries = await Promise.all(
    SITE_NAMES.map(async (name) => [name, await operandsOf(plan.sites[name])] as const),
  );
  const sites = Object.fromEntries(entries) as Record<SiteName, SiteOperands>;
  const cached = new Map<string, MultiplierFigures>();
  return {
    name: machine.name,
    array,
    clock,
    ...dram,
    dramBitsPerCycle: clock && dram.bandwidth && (8 * dram.bandwidth.value) / clock.value,
    dramPerOperand: false,
    partialBits: ACCUMULATOR_BITS,
    memory: sram && {
      ...{ input: sram.input, weight: sram.weight, output: sram.output },
      energy: buffers &&
        dram.dramEnergy && {
          ...buffers,
          dram: { read: dram.dramEnergy, write: dram.dramEnergy },
        },
    },
    buffers,
    voltage: process && {
      supply: process.supply,
      nominal: process.voltage,
      energy: voltageEnergyFactor(process.supply, process.voltage),
      leakage: leakageFactor(process.supply, process.voltage),
    },
    protection,
    sites,
    usual: usualOf(Object.values(sites)),
    multiplier(operands) {
      const key = operandNames(operands);
      const known = cached.get(key) ?? figuresOf(operands, model.tabled, technology, process);
      cached.set(key, known);
      return known;
    },
    notModelled: [
      ...(plan.mixed ? ['mixed precision: all layers as those with the narrow formats'] : []),
      ...(technology ? [] : ['energy and area on the chip: the machine names no technology']),
      ...(sram
        ? []
        : ['buffers: the machine names no memory.sram; each operand is taken to cross DRAM once']),
      ...(protection?.notModelled ?? []),
    ],
  };
}

/** What SCALE-Sim's configuration says, in int8. @throws InputError where it asks for what nothing here computes */
export async function scaleSimMachine(config: ScaleSimConfig): Promise<CostMachine> {
  const { array, memory } = config;
  const int8 = await operandsOf({
    kind: 'integer',
    weights: { format: 'int8', granularity: 'tensor' },
    activations: { format: 'int8', granularity: 'tensor', scale: 'static' },
    requantize: true,
  });
  return {
    name: config.name,
    array: { kind: 'systolic', ...array, multiplies: ['int8'], outside: [] },
    clock: undefined,
    bandwidth: undefined,
    dramBitsPerCycle: memory.dramBitsPerCycle,
    dramPerOperand: true,
    partialBits: config.bits.output,
    memory: {
      input: memory.inputBits / 8,
      weight: memory.weightBits / 8,
      output: memory.outputBits / 8,
      energy: undefined,
    },
    dramEnergy: undefined,
    buffers: undefined,
    voltage: undefined,
    protection: undefined,
    sites: Object.fromEntries(SITE_NAMES.map((name) => [name, int8])) as CostMachine['sites'],
    usual: int8,
    multiplier: () => ({ energy: undefined, area: undefined }),
    notModelled: [
      ...config.notModelled,
      'seconds, energy and area: a SCALE-Sim file has no clock and no technology',
    ],
  };
}

/** The node, its nominal voltage, and the machine's supply. */
interface Supply extends Process {
  supply: number;
}

function processOf(technology: TechnologyDescription | undefined): Supply | undefined {
  if (!technology) return undefined;
  const { node, voltage } = technology;
  const nominal = technology['nominal-voltage'] ?? nominalVoltage(node).value;
  return { node, voltage: nominal, supply: voltage ?? nominal };
}

function clockOf({ clock, technology }: Machine): Constant | undefined {
  if (clock === undefined) return undefined;
  const fixed: Constant = { value: clock, unit: 'Hz', source: `${IN_THE_FILE}: clock` };
  if (technology?.['frequency-scaling'] !== 'alpha-power') return fixed;
  const { supply, voltage } = processOf(technology)!;
  const threshold = technology['threshold-voltage'] ?? THRESHOLD_VOLTAGE.value;
  const factor = frequencyFactor(supply, voltage, threshold);
  return { value: clock * factor.value, unit: 'Hz', source: `${fixed.source}, times ${factor.source}` };
}

function dramOf(dram: MemoryDescription['dram']): Pick<CostMachine, 'bandwidth' | 'dramEnergy'> {
  const type = dram?.type && DRAM_TYPES[dram.type];
  const stated = (value: number | undefined, unit: string, key: string): Constant | undefined =>
    value === undefined ? undefined : { value, unit, source: `${IN_THE_FILE}: memory.dram.${key}` };
  return {
    bandwidth: stated(dram?.bandwidth, 'B/s', 'bandwidth') ?? type?.bandwidth,
    dramEnergy: stated(dram?.energy, 'pJ/bit', 'energy') ?? type?.energy,
  };
}

const SRAM_WIDTH = 512;

function buffersOf(
  sram: NonNullable<MemoryDescription['sram']>,
  process: Process,
): Record<BufferName, SramFigures> {
  const { width = SRAM_WIDTH, cell = 'high-performance', read, write } = sram;
  const stated = (value: number, key: string): Constant => ({
    value,
    unit: 'pJ/bit',
    source: `${IN_THE_FILE}: memory.sram.${key}`,
  });
  const figures = (name: BufferName): SramFigures => {
    const tabled = sramFigures({ capacity: sram[name], width, cell }, process, `memory.sram.${name}`);
    return {
      ...tabled,
      ...(read !== undefined && { read: stated(read, 'read') }),
      ...(write !== undefined && { write: stated(write, 'write') }),
    };
  };
  return { input: figures('input'), weight: figures('weight'), output: figures('output') };
}

function figuresOf(
  { weights, activations }: SiteOperands,
  tabled: boolean,
  technology: TechnologyDescription | undefined,
  process: Process | undefined,
): MultiplierFigures {
  if (!technology || !process) return { energy: undefined, area: undefined };
  const figures = tabled
    ? multiplierFigures(weights.format, activations.format, process)
    : { energy: undefined, area: undefined };
  const { 'mac-energy': energy, 'mac-area': area } = technology;
  const source = `${IN_THE_FILE}: technology`;
  return {
    energy:
      energy === undefined ? figures.energy : { value: energy, unit: 'pJ', source: `${source}.mac-energy` },
    area: area === undefined ? figures.area : { value: area, unit: 'um2', source: `${source}.mac-area` },
  };
}

/** What most sites compute with, the first of equally many. */
function usualOf(sites: readonly SiteOperands[]): SiteOperands {
  const count = (wanted: SiteOperands) =>
    sites.filter((site) => operandNames(site) === operandNames(wanted)).length;
  return sites.reduce((most, site) => (count(site) > count(most) ? site : most));
}
