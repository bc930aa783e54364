import type { Constant } from '../../cost/index.ts';
import { OLIVE_ARRAYS, RTX_2080_TI } from '../../cost/index.ts';
import { compareEntry, type Entry } from '../entry.ts';

/** um2 of one unit. */
const UNITS = {
  arrayDecoder4: area(37.22, 'Table 11, 22 nm'),
  arrayDecoder8: area(49.5, 'Table 11, 22 nm'),
  multiplier4: area(50.01, 'Table 11, 22 nm'),
  gpuDecoder4: area(13.53, 'Table 10, 12 nm'),
  gpuDecoder8: area(18, 'Table 10, 12 nm'),
} satisfies Record<string, Constant>;

const DIE: Constant = { value: 754, unit: 'mm2', source: 'TU102: Table 10; NVIDIA Turing white paper' };

function area(value: number, table: string): Constant {
  return { value, unit: 'um2', source: `OliVe (ISCA 2023), ${table}` };
}

/**
 * Tables 10 and 11: what the decoders take. Counted from the machines: an output-stationary array has one for each row and
 * column of its border (§4.3), at 4 bits twice as many; a GPU one for each product that its tensor cores do in a cycle.
 */
export function decoderAreas(): Entry[] {
  const { rows, columns } = OLIVE_ARRAYS.olive;
  const { multiprocessors, tensor } = RTX_2080_TI;
  const array = {
    decoder4: 2 * (rows + columns) * UNITS.arrayDecoder4.value,
    decoder8: (rows + columns) * UNITS.arrayDecoder8.value,
    multiplier4: 4 * rows * columns * UNITS.multiplier4.value,
  };
  const whole = array.decoder4 + array.decoder8 + array.multiplier4;
  const gpu = (bits: 4 | 8, unit: Constant) =>
    (multiprocessors.value * tensor[bits].rate.value * unit.value * 1e-6) / DIE.value;
  const rowsOfTables = [
    ['table11.decoder-4', 'Table 11', 2.2, array.decoder4 / whole, 0.05, '128 four-bit decoders'],
    ['table11.decoder-8', 'Table 11', 1.5, array.decoder8 / whole, 0.05, '64 eight-bit decoders'],
    ['table11.pe', 'Table 11', 96.3, array.multiplier4 / whole, 0.05, '4096 four-bit multipliers'],
    [
      'table10.decoder-4',
      'Table 10',
      0.25,
      gpu(4, UNITS.gpuDecoder4),
      0.0005,
      '68 · 2048 decoders on the die',
    ],
    [
      'table10.decoder-8',
      'Table 10',
      0.166,
      gpu(8, UNITS.gpuDecoder8),
      0.0005,
      '68 · 1024 decoders on the die',
    ],
  ] as const;
  return rowsOfTables.map(([id, source, paper, share, within, note]) =>
    compareEntry({
      id,
      source,
      unit: '%',
      paper,
      ours: share * 100,
      tolerance: { kind: 'absolute', within },
      note: `area share; ${note}`,
    }),
  );
}
