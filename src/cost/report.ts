import type { Constant, Energy, Traffic, Workload } from './contract.ts';

export interface Cycles {
  compute: bigint;
  /** Undefined where no DRAM bandwidth is known. */
  stall: bigint | undefined;
  /** compute and, where it is known, stall. */
  total: bigint;
}

/** Picojoules; `total` adds up the parts that are modelled, and is undefined where none is. */
export type EnergyReport = Energy & { total: number | undefined };

/** Square millimetres by part; `total` adds up the parts that are modelled. */
export interface AreaReport {
  array: number | undefined;
  inputBuffer: number | undefined;
  weightBuffer: number | undefined;
  outputBuffer: number | undefined;
  protection: number | undefined;
  total: number | undefined;
}

/** Where a workload stands under the roof of a machine. */
export interface Roofline {
  /** Multiply-accumulates a byte of DRAM traffic. */
  intensity: number | undefined;
  /** Intensity from which on the array is the limit. */
  ridge: number | undefined;
  /** Multiply-accumulates a second: with every element busy, under the roof at this intensity, and reached. */
  peak: number | undefined;
  roof: number | undefined;
  reached: number | undefined;
  bound: 'compute' | 'memory' | undefined;
}

export interface SiteCost {
  site: string;
  m: number;
  k: number;
  n: number;
  count: number;
  /** `int8 × int8`. */
  operands: string;
  macs: bigint;
  cycles: Cycles;
  /** Share of the multipliers' cycles that do useful work, 0..1. */
  utilization: number;
  /** Bits. */
  traffic: Traffic | undefined;
  energy: EnergyReport;
  /** Multiply-accumulates a byte of DRAM traffic. */
  intensity: number | undefined;
}

export interface CostReport {
  machine: string;
  workload: Omit<Workload, 'gemms'>;
  sites: SiteCost[];
  total: {
    macs: bigint;
    cycles: Cycles;
    utilization: number;
    traffic: Traffic | undefined;
    energy: EnergyReport;
    area: AreaReport;
    /** Of one pass. */
    seconds: number | undefined;
    tokens: number | undefined;
    tokensPerSecond: number | undefined;
    tokensPerJoule: number | undefined;
    /** Average, of the modelled parts. */
    watts: number | undefined;
    roofline: Roofline;
  };
  /** Every figure that went in, by what it is. */
  constants: Record<string, Constant>;
  /** What is left out, in words. */
  notModelled: string[];
}
