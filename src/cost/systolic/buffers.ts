import { InputError } from '../../errors.ts';
import type { OperandBits } from '../contract.ts';
import { bitsOf, min } from '../exact.ts';

/** SRAM capacities in bits. All three are double-buffered: one half works, the other one is filled or drained. */
export interface SystolicMemory {
  inputBits: number;
  weightBits: number;
  outputBits: number;
  /** Left out: stalls are not modelled. */
  dramBitsPerCycle?: number | undefined;
  /** Whether each operand has an interface of that bandwidth, as in SCALE-Sim. Otherwise they share one. */
  dramPerOperand?: boolean;
}

type Operand = keyof OperandBits;

/** Halves of the SRAMs, as SCALE-Sim has them (`active_buf_frac = 0.5`, single_layer_sim.py). Without a memory, endless. */
export class Buffers {
  readonly #half: Record<Operand, bigint> | undefined;

  constructor(memory: SystolicMemory | undefined) {
    const half = (bits: number) => BigInt(Math.floor(bits / 2));
    this.#half = memory && {
      input: half(memory.inputBits),
      weight: half(memory.weightBits),
      output: half(memory.outputBits),
    };
  }

  fits(operand: Operand, bits: bigint): boolean {
    return this.#half === undefined || bits <= this.#half[operand];
  }

  /** As much of it as half of the buffer holds. */
  part(operand: Operand, bits: bigint): bigint {
    return this.#half === undefined ? bits : min(bits, this.#half[operand]);
  }

  /** @throws InputError if half of the buffer does not hold a tile */
  require(operand: Operand, height: bigint, width: bigint, bitsPerElement: number): void {
    const size = bitsOf(height * width, bitsPerElement);
    if (this.fits(operand, size)) return;
    const room = this.#half![operand];
    throw new InputError(
      `${operand} buffer: a tile of ${height} x ${width} takes ${size} bits, half of the double buffer has ${room}: ` +
        `${size - room} bits too few`,
      { note: `give the ${operand} buffer at least ${2n * size} bits, or the array fewer rows or columns` },
    );
  }
}
