import { InputError } from '../errors.ts';
import type { Constant } from './contract.ts';
import {
  SRAM_NODE,
  SRAM_TABLE,
  SRAM_VOLTAGE,
  SRAM_WIDTHS,
  type SramCell,
  type SramRow,
} from './sram-table.ts';
import { areaFactor, energyFactor, type Process } from './technology.ts';

/** A buffer on the chip. */
export interface Sram {
  /** Bytes. */
  capacity: number;
  /** Bits of one access. */
  width: number;
  cell: SramCell;
}

/** At the machine's node and nominal voltage. */
export interface SramFigures {
  /** pJ a bit. */
  read: Constant;
  write: Constant;
  /** Milliwatts. */
  leakage: Constant;
  /** mm2. */
  area: Constant;
}

const TABLE = SRAM_TABLE['high-performance'][64];
export const SMALLEST_SRAM = TABLE[0]![0];
export const LARGEST_SRAM = TABLE.at(-1)![0];
const [NARROWEST, , WIDEST] = SRAM_WIDTHS;

/**
 * Energy, leakage and area of a buffer: CACTI's table, interpolated geometrically in capacity and width, and scaled to the
 * node. Accesses wider than the table's are several banks side by side; narrower ones cost as the narrowest.
 *
 * Leakage is that of the table's node: CACTI itself gives half to three times as much at 22 to 65 nm, without a trend.
 * @throws InputError for a capacity beyond the table
 */
export function sramFigures({ capacity, width, cell }: Sram, process: Process, key: string): SramFigures {
  const banks = Math.ceil(width / WIDEST);
  const bank = capacity / banks;
  if (!(bank >= SMALLEST_SRAM && bank <= LARGEST_SRAM)) {
    throw new InputError(
      `expected a buffer of ${SMALLEST_SRAM / 1024} KiB to ${LARGEST_SRAM / 2 ** 20} MiB a bank, found ${bank / 1024} KiB`,
      {
        place: { key },
        note:
          banks > 1
            ? `${width} bits an access are ${banks} banks of ${WIDEST} bits; change memory.sram.width or the capacity`
            : 'the table of SRAMs covers no other',
      },
    );
  }
  const bankWidth = Math.max(NARROWEST, width / banks);
  const value = (column: 1 | 2 | 3 | 4) => atWidth(cell, bankWidth, bank, column);
  const energy = energyFactor({ node: SRAM_NODE, voltage: SRAM_VOLTAGE[cell] }, process);
  const area = areaFactor(SRAM_NODE, process.node);
  const shape = `${capacity / 1024} KiB, ${width} bits wide, ${cell} cells${banks > 1 ? `, ${banks} banks` : ''}`;
  const source = `CACTI 7.0 at ${SRAM_NODE} nm and 350 K, ${shape} (4 KiB to 16 MiB, 64 to 1024 bits a bank)`;
  const scaled = (factor: Constant) => `${source}; ${factor.source}`;
  return {
    read: { value: value(1) * energy.value, unit: 'pJ/bit', source: scaled(energy) },
    write: { value: value(2) * energy.value, unit: 'pJ/bit', source: scaled(energy) },
    leakage: {
      value: banks * value(3),
      unit: 'mW',
      source: `${source}; assumed: the same at ${process.node} nm`,
    },
    area: { value: banks * value(4) * area.value, unit: 'mm2', source: scaled(area) },
  };
}

function atWidth(cell: SramCell, width: number, capacity: number, column: 1 | 2 | 3 | 4): number {
  const upper = SRAM_WIDTHS.findIndex((known) => known >= width);
  const high = SRAM_WIDTHS[upper]!;
  const above = atCapacity(SRAM_TABLE[cell][high], capacity, column);
  if (high === width) return above;
  const low = SRAM_WIDTHS[upper - 1]!;
  return between(width, low, atCapacity(SRAM_TABLE[cell][low], capacity, column), high, above);
}

function atCapacity(rows: readonly SramRow[], capacity: number, column: 1 | 2 | 3 | 4): number {
  const upper = rows.findIndex(([known]) => known >= capacity);
  const high = rows[upper]!;
  if (high[0] === capacity) return high[column];
  const low = rows[upper - 1]!;
  return between(capacity, low[0], low[column], high[0], high[column]);
}

/** y at x, on a line through two points of a plot with logarithmic axes. */
function between(x: number, x0: number, y0: number, x1: number, y1: number): number {
  return y0 * (y1 / y0) ** (Math.log(x / x0) / Math.log(x1 / x0));
}
