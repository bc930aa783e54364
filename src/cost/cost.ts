import { InputError } from '../errors.ts';
import { SITE_NAMES, type SiteName } from '../model/site.ts';
import { ARRAY_MODELS, type ArrayModel, type ArrayRun, checkFormats } from './array-model.ts';
import type { Constant, OperandBits, Workload, WorkloadGemm } from './contract.ts';
import { ACCUMULATOR_BITS, BUFFERS, type CostMachine } from './cost-machine.ts';
import { protectedRun, protectionConstants, protectionEnergy } from './machine-protection.ts';
import type { AreaReport, CostReport, Cycles, EnergyReport, Roofline, SiteCost } from './report.ts';
import { bitsAt, operandNames, type SiteOperands } from './stored-bits.ts';
import { tokensOf } from './workload.ts';

/**
 * What a machine costs to run a workload once: cycles and bits exactly, the rest from figures that are all named under
 * `constants`. The norms, the softmax and all else that is no GEMM are not modelled.
 *
 * compute  multiply-accumulates x energy of one
 * sram     bits read and written, by buffer, x energy a bit
 * dram     bits moved x energy a bit
 * static   leakage of the buffers x time; of the array's logic: not modelled
 * protection, recovery   shares of compute (machine-protection.ts)
 *
 * Switching energies go with the square of the supply voltage; DRAM has a supply of its own.
 * @throws InputError for a site that the array cannot compute, and for a tile that fits no buffer
 */
export function costOf(machine: CostMachine, workload: Workload): CostReport {
  const model = ARRAY_MODELS[machine.array.kind];
  const constants: Record<string, Constant> = {};
  const outside = workload.gemms.filter((gemm) => isOutside(machine, gemm));
  const inside = workload.gemms.filter((gemm) => !isOutside(machine, gemm));
  if (inside.length === 0)
    throw new InputError('every site is computed outside the array: nothing is left to cost');

  let ideal = 0;
  const sites = inside.map((gemm) => {
    const operands = operandsAt(machine, gemm);
    checkFormats(gemm.site, operands, machine.array);
    const bits = operandBits(gemm, operands, machine.array.outputBits);
    const { memory, array, dramBitsPerCycle, dramPerOperand, partialBits } = machine;
    const clock = machine.clock?.value;
    const interfaces = { memory, dramBitsPerCycle, dramPerOperand, partialBits, clock };
    const unprotected = atSite(gemm, () => model.run({ gemm, array, operands, bits, ...interfaces }));
    const run = protectedRun(unprotected, machine.protection, gemm.count);
    const site = siteCost(machine, gemm, operands, run, constants);
    ideal += Number(site.macs) / model.peak(array, bits, operands);
    return site;
  });

  const macs = sum(sites.map((site) => site.macs));
  const cycles = totalCycles(sites);
  const energy = totalEnergy(sites);
  const traffic = totalTraffic(sites);
  const seconds = secondsOf(machine, cycles.total);
  const tokens = tokensOf(workload);
  const joules = energy.total === undefined ? undefined : energy.total * 1e-12;
  note(constants, 'clock', machine.clock);
  note(constants, 'DRAM bandwidth', machine.bandwidth);
  const { name, phase, batch, sequence } = workload;
  return {
    machine: machine.name,
    workload: { name, phase, batch, sequence },
    sites,
    total: {
      macs,
      cycles,
      utilization:
        sites.reduce((total, site) => total + site.utilization * Number(site.cycles.total), 0) /
        Number(cycles.total),
      traffic,
      energy,
      area: areaOf(machine, model, constants),
      seconds,
      tokens,
      tokensPerSecond: divide(tokens, seconds),
      tokensPerJoule: divide(tokens, joules),
      watts: divide(joules, seconds),
      roofline: rooflineOf(machine, macs, traffic, Number(macs) / ideal, seconds),
    },
    constants: {
      ...constants,
      ...model.constants?.(machine.array),
      ...protectionConstants(machine.protection),
    },
    notModelled: [
      ...machine.notModelled,
      ...model.notModelled,
      ...(cycles.stall === undefined ? ['stalls: no DRAM bandwidth or buffers are known'] : []),
      ...(outside.length > 0 ? [`computed elsewhere: ${outside.map(({ site }) => site).join(', ')}`] : []),
      ...missing('energy', energy),
      'norms, softmax, activations and all else that is no matrix product',
    ],
  };
}

/** Says which site an error is about, where it does not say so itself. */
function atSite<T>({ site }: WorkloadGemm, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof InputError) || error.message.includes(site) || error.place.key?.includes(site))
      throw error;
    throw new InputError(`${site}: ${error.message}`, {
      place: error.place,
      cause: error,
      ...(error.note === undefined ? {} : { note: error.note }),
    });
  }
}

/** A site's name without where it stands: `q` of `encoder.q`. */
function siteName(site: string): SiteName | undefined {
  const name = site.slice(site.lastIndexOf('.') + 1);
  return (SITE_NAMES as readonly string[]).includes(name) ? (name as SiteName) : undefined;
}

function isOutside({ array }: CostMachine, { site }: WorkloadGemm): boolean {
  const name = siteName(site);
  return name !== undefined && array.outside.includes(name);
}

function operandsAt({ sites, usual }: CostMachine, { site }: WorkloadGemm): SiteOperands {
  const name = siteName(site);
  return name ? sites[name] : usual;
}

/** As stored and moved. The right operand of an attention product is an activation. */
function operandBits(gemm: WorkloadGemm, operands: SiteOperands, stated: number | undefined): OperandBits {
  const { weights, activations, requantize } = operands;
  return {
    input: bitsAt(activations, gemm.k),
    weight: bitsAt(gemm.weight ? weights : activations, gemm.k),
    output: stated ?? (requantize ? bitsAt(activations, gemm.n) : ACCUMULATOR_BITS),
  };
}

function siteCost(
  machine: CostMachine,
  gemm: WorkloadGemm,
  operands: SiteOperands,
  { cost, buffers }: ArrayRun,
  constants: Record<string, Constant>,
): SiteCost {
  const { site, m, k, n, count } = gemm;
  const macs = BigInt(m) * BigInt(k) * BigInt(n) * BigInt(count);
  const { compute, stall } = cost.cycles;
  const total = compute + (stall ?? 0n);
  const { voltage, dramEnergy } = machine;
  const { energy: mac } = machine.multiplier(operands);
  const names = operandNames(operands);
  note(constants, `multiply-accumulate, ${names}`, mac);
  note(constants, 'switching energy at the voltage', voltage?.energy);
  note(constants, 'leakage at the voltage', voltage?.leakage);
  note(constants, 'DRAM energy', dramEnergy);

  let sram: number | undefined;
  let leakage: number | undefined;
  if (machine.buffers && voltage) {
    leakage = 0;
    sram = buffers && 0;
    for (const name of BUFFERS) {
      const figure = machine.buffers[name];
      note(constants, `${name} buffer, read`, figure.read);
      note(constants, `${name} buffer, write`, figure.write);
      note(constants, `${name} buffer, leakage`, figure.leakage);
      leakage += figure.leakage.value * voltage.leakage.value;
      if (sram === undefined || !buffers) continue;
      const { reads, writes } = buffers[name];
      sram +=
        (Number(reads) * figure.read.value + Number(writes) * figure.write.value) * voltage.energy.value;
    }
  }
  const { traffic } = cost;
  const moved = traffic && traffic.dramReads + traffic.dramWrites;
  const seconds = secondsOf(machine, total);
  const nominal = mac && Number(macs) * mac.value;
  const energy = {
    compute: voltage && nominal && nominal * voltage.energy.value,
    sram,
    dram: moved === undefined || !dramEnergy ? undefined : Number(moved) * dramEnergy.value,
    // mW · s is 1e9 pJ.
    static: leakage === undefined || seconds === undefined ? undefined : leakage * seconds * 1e9,
    ...protectionEnergy(machine.protection, nominal, voltage),
  };
  return {
    ...{ site, m, k, n, count },
    operands: names,
    macs,
    cycles: { compute, stall, total },
    utilization: cost.utilization,
    traffic,
    energy: { ...energy, total: sumKnown(Object.values(energy)) },
    intensity: intensityOf(macs, moved),
  };
}

function totalCycles(sites: readonly SiteCost[]): Cycles {
  const compute = sum(sites.map(({ cycles }) => cycles.compute));
  const stalls = sites.map(({ cycles }) => cycles.stall);
  const known = stalls.filter((stall) => stall !== undefined);
  const stall = known.length === stalls.length ? sum(known) : undefined;
  return { compute, stall, total: compute + (stall ?? 0n) };
}

/** A part that one site lacks is lacking in the sum. */
function totalEnergy(sites: readonly SiteCost[]): EnergyReport {
  const part = (key: keyof EnergyReport) => {
    const values = sites.map(({ energy }) => energy[key]);
    return values.includes(undefined) ? undefined : sumKnown(values);
  };
  const parts = {
    compute: part('compute'),
    sram: part('sram'),
    dram: part('dram'),
    static: part('static'),
    protection: part('protection'),
    recovery: part('recovery'),
  };
  return { ...parts, total: sumKnown(Object.values(parts)) };
}

function totalTraffic(sites: readonly SiteCost[]): SiteCost['traffic'] {
  const traffics = sites.map(({ traffic }) => traffic);
  const known = traffics.filter((traffic) => traffic !== undefined);
  if (known.length < traffics.length) return undefined;
  const part = (key: keyof NonNullable<SiteCost['traffic']>) => sum(known.map((traffic) => traffic[key]));
  return {
    sramReads: part('sramReads'),
    sramWrites: part('sramWrites'),
    dramReads: part('dramReads'),
    dramWrites: part('dramWrites'),
  };
}

function areaOf(machine: CostMachine, model: ArrayModel, constants: Record<string, Constant>): AreaReport {
  const { buffers, array, protection } = machine;
  const { area: unit } = machine.multiplier(machine.usual);
  const multipliers = model.multipliers(array);
  note(constants, `area of a multiply-accumulate unit, ${operandNames(machine.usual)}`, unit);
  for (const name of BUFFERS) note(constants, `${name} buffer, area`, buffers?.[name].area);
  const elements = unit && multipliers !== undefined ? unit.value * multipliers * 1e-6 : undefined;
  const parts = {
    array: elements,
    inputBuffer: buffers?.input.area.value,
    weightBuffer: buffers?.weight.area.value,
    outputBuffer: buffers?.output.area.value,
    protection: elements && protection && elements * protection.area.value,
  };
  return { ...parts, total: sumKnown(Object.values(parts)) };
}

/** Williams, Waterman and Patterson, "Roofline", CACM 52(4), 2009. */
function rooflineOf(
  { clock, bandwidth }: CostMachine,
  macs: bigint,
  traffic: SiteCost['traffic'],
  macsPerCycle: number,
  seconds: number | undefined,
): Roofline {
  const intensity = intensityOf(macs, traffic && traffic.dramReads + traffic.dramWrites);
  const peak = clock && macsPerCycle * clock.value;
  const ridge = divide(peak, bandwidth?.value);
  const memory = intensity === undefined || !bandwidth ? undefined : intensity * bandwidth.value;
  return {
    intensity,
    ridge,
    peak,
    roof: peak === undefined || memory === undefined ? undefined : Math.min(peak, memory),
    reached: divide(Number(macs), seconds),
    bound: peak === undefined || memory === undefined ? undefined : memory < peak ? 'memory' : 'compute',
  };
}

function intensityOf(macs: bigint, moved: bigint | undefined): number | undefined {
  return moved === undefined || moved === 0n ? undefined : (8 * Number(macs)) / Number(moved);
}

function secondsOf({ clock }: CostMachine, cycles: bigint): number | undefined {
  return clock && Number(cycles) / clock.value;
}

function missing(what: string, parts: EnergyReport): string[] {
  const names = Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [name] : []));
  return names.length === 0 ? [] : [`${what}: ${names.filter((name) => name !== 'total').join(', ')}`];
}

function note(constants: Record<string, Constant>, what: string, constant: Constant | undefined): void {
  if (constant) constants[what] = constant;
}

function divide(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined || b === 0 ? undefined : a / b;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

function sumKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
