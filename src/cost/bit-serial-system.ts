import { type BitSerialOperands, bitSerialCost, multipliesActivations } from './bit-serial.ts';
import {
  ANDA_BUFFERS,
  ANDA_CLOCK,
  ANDA_DRAM,
  ANDA_PARTS,
  ANDA_TOTAL,
  BIT_SERIAL_MACHINES,
  type BitSerialMachineName,
} from './bit-serial-machines.ts';
import type { ArrayCost, Energy, WorkloadGemm } from './contract.ts';

/** Mantissa bits (hidden bit included) of the activations that enter a site. */
export type MantissaOf = (site: string) => number;

export interface BitSerialSite {
  gemm: WorkloadGemm;
  /** Undefined where the array cannot compute the site (products of two activations): not modelled. */
  cost: ArrayCost | undefined;
  energy: Energy | undefined;
}

export interface BitSerialSystem {
  machine: BitSerialMachineName;
  sites: BitSerialSite[];
  /** Of the sites that are modelled. */
  cycles: bigint;
  seconds: number;
  energy: Energy;
  /** mm2. */
  area: Record<keyof typeof ANDA_PARTS, number>;
}

/**
 * Prefill (m tokens) or decode (m = sequences, a vector for one) of a list of GEMMs on one of Anda's paper's machines.
 *
 * Energy: compute = power of the array, the compressor, the vector unit and the controller, times the cycles; SRAM = power
 * of the buffers times the cycles. The powers are printed for Anda; an array's scales with its elements' relative power.
 * They include leakage, so that static is not a part of its own (undefined). Power while the array waits for DRAM is taken
 * as the same (assumed). DRAM = bits moved times 3.9 pJ.
 */
export function bitSerialSystem(
  name: BitSerialMachineName,
  gemms: readonly WorkloadGemm[],
  mantissaOf: MantissaOf,
): BitSerialSystem {
  const machine = BIT_SERIAL_MACHINES[name];
  const memory = { ...ANDA_BUFFERS, dramBitsPerCycle: ANDA_DRAM.bandwidth.value / ANDA_CLOCK.value };
  const { compute: computeMilliwatts, sram: sramMilliwatts } = powers(name);
  // mW / Hz is 1e-3 J a cycle; in pJ.
  const perCycle = (milliwatts: number) => (milliwatts * 1e9) / ANDA_CLOCK.value;

  const sites = gemms.map((gemm): BitSerialSite => {
    if (!gemm.weight && !multipliesActivations(machine.array))
      return { gemm, cost: undefined, energy: undefined };
    const cost = bitSerialCost(gemm, machine.array, operandsOf(name, gemm, mantissaOf), memory);
    const cycles = Number(cost.cycles.compute + (cost.cycles.stall ?? 0n));
    const { dramReads, dramWrites } = cost.traffic!;
    const energy: Energy = {
      compute: cycles * perCycle(computeMilliwatts),
      sram: cycles * perCycle(sramMilliwatts),
      dram: Number(dramReads + dramWrites) * ANDA_DRAM.energy.value,
      static: undefined,
      protection: undefined,
      recovery: undefined,
    };
    return { gemm, cost, energy };
  });

  const cycles = sites.reduce(
    (sum, { cost }) => sum + (cost ? cost.cycles.compute + (cost.cycles.stall ?? 0n) : 0n),
    0n,
  );
  const total = (part: keyof Energy) =>
    sites.some(({ energy }) => energy?.[part] !== undefined)
      ? sites.reduce((sum, { energy }) => sum + (energy?.[part] ?? 0), 0)
      : undefined;
  return {
    machine: name,
    sites,
    cycles,
    seconds: Number(cycles) / ANDA_CLOCK.value,
    energy: {
      compute: total('compute'),
      sram: total('sram'),
      dram: total('dram'),
      static: undefined,
      protection: undefined,
      recovery: undefined,
    },
    area: areas(name),
  };
}

/** mm2 of the parts. The baselines have Anda's but for the compressor; their arrays scale with an element's area. */
export function areas(name: BitSerialMachineName): BitSerialSystem['area'] {
  const { area, compresses } = BIT_SERIAL_MACHINES[name];
  const { array, compressor, vectorUnit, activationBuffer, weightBuffer, controller } = ANDA_PARTS;
  return {
    array: array.area.value * (area.value / BIT_SERIAL_MACHINES.anda.area.value),
    compressor: compresses ? compressor.area.value : 0,
    vectorUnit: vectorUnit.area.value,
    activationBuffer: activationBuffer.area.value,
    weightBuffer: weightBuffer.area.value,
    controller: controller.area.value,
  };
}

/** mm2: Anda's as printed, a baseline's as the sum of its parts. */
export function systemArea(name: BitSerialMachineName): number {
  return name === 'anda'
    ? ANDA_TOTAL.area.value
    : Object.values(areas(name)).reduce((sum, area) => sum + area, 0);
}

function powers(name: BitSerialMachineName): { compute: number; sram: number } {
  const { power, compresses } = BIT_SERIAL_MACHINES[name];
  const { array, compressor, vectorUnit, activationBuffer, weightBuffer, controller } = ANDA_PARTS;
  return {
    compute:
      array.power.value * (power.value / BIT_SERIAL_MACHINES.anda.power.value) +
      (compresses ? compressor.power.value : 0) +
      vectorUnit.power.value +
      controller.power.value,
    sram: activationBuffer.power.value + weightBuffer.power.value,
  };
}

/**
 * W4A16: INT4 weights with an FP16 scale for each 128 (zero points are not stated, and not counted). Activations are FP16
 * in memory, Anda's in its format with 5 shared exponent bits for each 64. Outputs are FP16: the paper compresses them for
 * the next GEMM, whose mantissa this one does not know.
 */
function operandsOf(
  name: BitSerialMachineName,
  gemm: WorkloadGemm,
  mantissaOf: MantissaOf,
): BitSerialOperands {
  const mantissa = mantissaOf(gemm.site);
  const input = BIT_SERIAL_MACHINES[name].compresses ? 1 + mantissa + 5 / 64 : 16;
  const weight = gemm.weight ? 4 + 16 / 128 : 16;
  return { mantissa, weight: gemm.weight ? 4 : 16, stored: { input, weight, output: 16 } };
}
