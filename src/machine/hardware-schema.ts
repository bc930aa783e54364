import * as z from 'zod';
import { FORMATS } from '../formats/index.ts';
import { SITE_NAMES } from '../model/site.ts';
import { area, bandwidth, capacity, energy, energyPerBit, processNode, voltage } from './quantity.ts';
import { map, oneOf, wholeNumber } from './schema-parts.ts';

/*
 * The keys that say what a machine costs: its array, memory and technology. Which keys an array of a kind needs is in
 * hardware.ts.
 */

export const ARRAY_KINDS = ['bit-serial', 'fused', 'systolic', 'tensor-core'] as const;

/** Anda's array and those that its paper compares it with. */
export const BIT_SERIAL_DESIGNS = [
  'anda',
  'figna',
  'figna-m11',
  'figna-m8',
  'fp-fp',
  'fp-int',
  'ifpu',
] as const;

export const TENSOR_CORE_DEVICES = ['rtx-2080-ti'] as const;

export const array = z
  .strictObject(
    {
      kind: oneOf(ARRAY_KINDS, 'a kind of array')
        .describe(
          'systolic (the default). fused: systolic, of multipliers that split for narrow operands. bit-serial: one bit ' +
            'plane at a time, and its baselines. tensor-core: a GPU, as a roofline.',
        )
        .optional(),
      rows: wholeNumber(1, 65536)
        .describe('Processing elements in a column. Required but for tensor-core.')
        .optional(),
      columns: wholeNumber(1, 65536)
        .describe('Processing elements in a row. Required but for tensor-core.')
        .optional(),
      dataflow: oneOf(['input-stationary', 'output-stationary', 'weight-stationary'], 'a dataflow')
        .describe('What stays in the processing elements while the rest moves. systolic and fused.')
        .optional(),
      'multiplier-bits': wholeNumber(1, 64)
        .describe('fused: width of the operands that a whole multiplier takes; 8 by default.')
        .optional(),
      'split-bits': wholeNumber(1, 64)
        .describe('fused: narrowest operands that a multiplier splits for; 4 by default.')
        .optional(),
      design: oneOf(BIT_SERIAL_DESIGNS, 'a bit-serial design')
        .describe("bit-serial: Anda's array, or one that its paper compares it with.")
        .optional(),
      device: oneOf(TENSOR_CORE_DEVICES, 'a device').describe('tensor-core: the GPU.').optional(),
      multiplies: z
        .array(oneOf(Object.keys(FORMATS), 'a number format'), { error: 'a list of number formats' })
        .describe(
          'Formats that its elements multiply, and narrower integers; by default those of `operands`.',
        )
        .optional(),
      outside: z
        .array(oneOf(SITE_NAMES, 'a site'), { error: 'a list of sites' })
        .describe('Sites that something else computes: they are left out of the cost. None by default.')
        .optional(),
      'output-bits': wholeNumber(1, 64)
        .describe(
          'Bits of an output as it leaves; by default those of the activations where the output is re-quantised or a ' +
            'float, else 32, the accumulator.',
        )
        .optional(),
    },
    map,
  )
  .describe('The array of multiply-accumulate units.');

const PROTECTION_KINDS = ['checksum', 'dmr', 'range-check', 'statistical-checksum', 'tmr'] as const;

const share = { error: 'a number from 0 to 1' };

export const protection = z
  .strictObject(
    {
      kind: oneOf(PROTECTION_KINDS, 'a kind of protection').describe(
        'checksum: sums of rows and columns. statistical-checksum: and a unit that tells critical errors (ReaLM). dmr, tmr: ' +
          'the array two or three times. range-check: results beyond a bound become 0.',
      ),
      'recovery-rate': z
        .number(share)
        .min(0, share)
        .max(1, share)
        .describe(
          'Share of the tiles that are computed again, as a fault campaign measures it; without it the cost of recovery is ' +
            'not modelled.',
        )
        .optional(),
    },
    map,
  )
  .describe('What finds the errors of a systolic array of integers.');

const buffer = (what: string) => capacity.describe(`Capacity of the ${what} buffer, both halves together.`);

export const memory = z
  .strictObject(
    {
      sram: z
        .strictObject(
          {
            input: buffer('input'),
            weight: buffer('weight'),
            output: buffer('output'),
            width: wholeNumber(1, 65536).describe('Bits of one access; 512 by default.').optional(),
            cell: oneOf(['high-performance', 'low-operating-power', 'low-standby-power'], 'a kind of cell')
              .describe('Transistors of cells and periphery, after the ITRS; high-performance by default.')
              .optional(),
            read: energyPerBit.describe("Energy of a bit read, instead of the table's.").optional(),
            write: energyPerBit.describe("Energy of a bit written, instead of the table's.").optional(),
          },
          map,
        )
        .describe('The buffers between array and DRAM, halves of which are used in turn.')
        .optional(),
      dram: z
        .strictObject(
          {
            type: oneOf(['DDR4', 'HBM2', 'HBM3', 'LPDDR4', 'LPDDR5'], 'a type of DRAM')
              .describe('Gives bandwidth and energy where the file does not.')
              .optional(),
            bandwidth: bandwidth
              .describe('Of all channels together; without it there are no stalls.')
              .optional(),
            energy: energyPerBit.describe('Of a bit moved, interface included.').optional(),
          },
          map,
        )
        .describe('The memory off the chip.')
        .optional(),
    },
    map,
  )
  .describe('SRAM and DRAM.');

export const technology = z
  .strictObject(
    {
      node: processNode.describe('The process: 7 to 180 nm.'),
      voltage: voltage.describe('Supply; the nominal one by default.').optional(),
      'nominal-voltage': voltage
        .describe("Supply that the clock is meant for; the node's by default.")
        .optional(),
      'threshold-voltage': voltage.describe('Of the transistors; 0.3 V by default.').optional(),
      'frequency-scaling': oneOf(['alpha-power', 'fixed'], 'a frequency scaling')
        .describe(
          'fixed: `clock` holds at any voltage (the default). alpha-power: it is that of the nominal voltage, and follows ' +
            'the supply by the alpha-power law.',
        )
        .optional(),
      'mac-energy': energy
        .describe("Energy of a multiply-accumulate at the nominal voltage, instead of the table's.")
        .optional(),
      'mac-area': area.describe("Area of a multiply-accumulate unit, instead of the table's.").optional(),
    },
    map,
  )
  .describe('The process that the machine is made in, and its supply.');
