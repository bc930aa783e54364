import { InputError } from '../errors.ts';
import { FORMATS } from '../formats/index.ts';
import type { ArrayKind, ArrayShape } from '../machine/index.ts';
import { bitSerialModel } from './bit-serial-model.ts';
import type { ArrayCost, Constant, OperandBits } from './contract.ts';
import { fusedModel } from './fused-model.ts';
import type { SiteOperands } from './stored-bits.ts';
import type { SystolicGemm } from './systolic/index.ts';
import { systolicModel } from './systolic-model.ts';
import { tensorCoreModel } from './tensor-core-model.ts';

/** The buffers and DRAM that an array sees. Capacities in bytes, energies in pJ/bit. */
export interface ArrayMemory {
  input: number;
  weight: number;
  output: number;
  /** What a tiling search breaks ties by; undefined where it is not modelled. */
  energy: Record<'input' | 'weight' | 'output' | 'dram', { read: Constant; write: Constant }> | undefined;
}

export interface ArrayRequest {
  gemm: SystolicGemm;
  array: ArrayShape;
  operands: SiteOperands;
  /** As stored and moved. */
  bits: OperandBits;
  memory: ArrayMemory | undefined;
  /** Of DRAM; undefined without a bandwidth or a clock. */
  dramBitsPerCycle: number | undefined;
  /** Of a sum that is not complete; an output may be wider. */
  partialBits: number;
  /** SCALE-Sim's interface for each operand. */
  dramPerOperand: boolean;
  /** Hz. */
  clock: number | undefined;
}

/** Bits moved in and out of a buffer. */
export type BufferTraffic = Record<'input' | 'weight' | 'output', { reads: bigint; writes: bigint }>;

export interface ArrayRun {
  cost: ArrayCost;
  /** Undefined where only the sum is known. */
  buffers: BufferTraffic | undefined;
  /** Tiles that a systolic array takes for all `count` GEMMs, a check each where it has a protection. */
  folds?: bigint;
}

/** One kind of array as the cost of a machine sees it. */
export interface ArrayModel {
  /** @throws InputError for operands that it cannot compute, and tiles that fit no buffer */
  run(request: ArrayRequest): ArrayRun;
  /** Multiply-accumulates a cycle with every element busy. */
  peak(array: ArrayShape, bits: OperandBits, operands: SiteOperands): number;
  /** Multiply-accumulate units, for area. */
  multipliers(array: ArrayShape): number | undefined;
  /** Whether a unit takes what the table of multipliers says. */
  readonly tabled: boolean;
  /** Where the machine file has none. */
  clock?(array: ArrayShape): Constant;
  bandwidth?(array: ArrayShape): Constant;
  /** Figures of a device that its cycles rest on. */
  constants?(array: ArrayShape): Record<string, Constant>;
  /** What the model leaves out, in words. */
  notModelled: readonly string[];
}

/** Array models by the kind in the machine file. */
export const ARRAY_MODELS: Record<ArrayKind, ArrayModel> = {
  'bit-serial': bitSerialModel,
  fused: fusedModel,
  systolic: systolicModel,
  'tensor-core': tensorCoreModel,
};

/** Whether elements that multiply `formats` take this one too: itself, or an integer as narrow as one of them. */
export function takes(formats: readonly string[], format: string): boolean {
  if (formats.includes(format)) return true;
  const width = (name: string) => Number(/^int(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  return formats.some((known) => width(format) <= width(known));
}

/** @throws InputError for a site whose operands the array's elements do not multiply */
export function checkFormats(site: string, { weights, activations }: SiteOperands, array: ArrayShape): void {
  for (const { format } of [weights, activations]) {
    if (takes(array.multiplies, format)) continue;
    const float = FORMATS[format]?.float ? ', a float,' : '';
    throw new InputError(
      `${site} computes in ${format},${float.slice(1)} which an array of ${array.multiplies.join(' and ')} cannot multiply`,
      {
        place: { key: `sites.${site}` },
        note: `name ${format} under array.multiplies if the elements take it, or ${site} under array.outside`,
      },
    );
  }
}
