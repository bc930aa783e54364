import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { parseMachine } from './index.ts';

const GOOD = `name: mine
operands: { weights: { format: int8 }, activations: { format: int8 } }
array: { kind: fused, rows: 32, columns: 16 }
memory:
  sram: { input: 64 KiB, weight: 0.5 MiB, output: 65536 B, cell: low-standby-power }
  dram: { type: HBM2, bandwidth: 256 GB/s, energy: 3.9 pJ/bit }
technology: { node: 28 nm, voltage: 900 mV, nominal-voltage: 1 V, mac-energy: 300 fJ, mac-area: 50 um2 }
`;

function messageOf(text: string): string {
  try {
    parseMachine(text, 'm.yaml');
  } catch (error) {
    if (error instanceof InputError) return error.format();
    throw error;
  }
  return '';
}

it('hardware is parsed to bytes, B/s, pJ/bit, nanometres, volts', () => {
  const { array, memory, technology } = parseMachine(GOOD, 'm.yaml');
  expect(array).toMatchObject({ kind: 'fused', multiplierBits: 8, splitBits: 4, multiplies: ['int8'] });
  expect(memory).toEqual({
    sram: { input: 65536, weight: 524288, output: 65536, cell: 'low-standby-power' },
    dram: { type: 'HBM2', bandwidth: 256e9, energy: 3.9 },
  });
  expect(technology).toEqual({
    node: 28,
    voltage: 0.9,
    'nominal-voltage': 1,
    'mac-energy': 0.3,
    'mac-area': 50,
  });
});

describe('mistakes', () => {
  it.each([
    [
      'input: 64 KiB',
      'input: 64',
      '5:18: memory.sram.input: expected a capacity with its unit (B, KiB, MiB, GiB), such as "64 KiB", found 64\n  a number alone has no unit',
    ],
    ['input: 64 KiB', 'input: 64 KB', 'wrong unit "KB"; did you mean "KiB"?'],
    ['input: 64 KiB', 'input: 0.3 B', 'expected a capacity from 1 B'],
    ['input: 64 KiB', 'input: 1.5 B', 'expected a whole number of bytes'],
    ['input: 64 KiB, ', '', 'memory.sram.input: missing key: expected a capacity'],
    ['256 GB/s', '256 GB', 'wrong unit "GB"; did you mean "GB/s"?'],
    ['3.9 pJ/bit', '3.9 pJ', 'wrong unit "pJ"; did you mean "pJ/bit"?'],
    ['type: HBM2', 'type: HBM', 'expected a type of DRAM, found "HBM"\n  did you mean "HBM2"?'],
    ['node: 28 nm, ', '', 'technology.node: missing key: expected a process node'],
    ['node: 28 nm', 'node: 5 nm', 'expected a process node from 7 nm to 180 nm, found "5 nm"'],
    ['voltage: 900 mV', 'voltage: 900', 'expected a voltage with its unit (mV, V)'],
    [
      'voltage: 900 mV',
      'threshold-voltage: 1 V, voltage: 900 mV',
      'technology.voltage: expected a voltage above the threshold of 1 V, found 0.9 V',
    ],
    ['kind: fused', 'kind: fusd', 'did you mean "fused"?'],
    ['rows: 32, ', '', '3:8: array.rows: missing key: expected a whole number from 1 to 65536'],
    ['kind: fused', 'kind: bit-serial', 'array.design: missing key: expected a bit-serial design'],
    [
      'kind: fused',
      'kind: tensor-core, device: rtx-2080-ti',
      'array.rows: expected no rows in a tensor-core array',
    ],
    [
      'kind: fused',
      'kind: systolic, split-bits: 4',
      'array.split-bits: expected no split-bits in a systolic array, found 4',
    ],
    [
      'kind: fused',
      'kind: fused, split-bits: 16',
      'expected split-bits of at most multiplier-bits, 8, found 16',
    ],
    [
      'kind: fused',
      'kind: fused, dataflow: input-stationary',
      'expected output-stationary or weight-stationary in a fused array',
    ],
    ['kind: fused', 'kind: fused, outside: [head]', 'expected a site, found "head"'],
    ['kind: fused', 'kind: fused, multiplies: [int88]', 'did you mean "int8"?'],
    [
      'technology:',
      'protection: { kind: dmr }\ntechnology:',
      'protection: expected protection only in a systolic array, found it in a fused array',
    ],
  ])('%s -> %s', (from, to, message) => {
    expect(messageOf(GOOD)).toBe('');
    expect(messageOf(GOOD.replace(from, to))).toContain(message);
  });
});

describe('mistakes in protection', () => {
  const array = 'array: { rows: 8, columns: 8, dataflow: output-stationary }\n';
  const operands = 'operands: { weights: { format: int8 }, activations: { format: int8 } }\n';
  const good = `name: a\n${operands}${array}protection: { kind: checksum, recovery-rate: 0.1 }\n`;

  it.each([
    [array, '', '1:1: array: missing key: expected the array that is protected'],
    [
      ', dataflow: output-stationary',
      '',
      'array.dataflow: missing key: expected output-stationary or weight',
    ],
    ['output-stationary', 'input-stationary', 'beside protection, found "input-stationary"'],
    [
      'columns: 8',
      'columns: 8, multiplies: [int8, float16]',
      'that multiply integers, found it beside float16',
    ],
    ['kind: checksum, ', '', 'protection.kind: missing key: expected a kind of protection'],
    ['kind: checksum', 'kind: checksums', 'did you mean "checksum"?'],
    [
      'kind: checksum',
      'kind: tmr',
      'protection.recovery-rate: expected no recovery-rate with tmr, found 0.1',
    ],
    ['0.1', '1.1', 'protection.recovery-rate: expected a number from 0 to 1, found 1.1'],
    ['0.1', '-0.1', 'expected a number from 0 to 1, found -0.1'],
    ['0.1', '.nan', 'expected a number from 0 to 1'],
    ['0.1', '10 %', 'expected a number from 0 to 1, found "10 %"'],
    ['recovery-rate', 'recovery-rat', 'did you mean "recovery-rate"?'],
  ])('%s -> %s', (from, to, message) => {
    expect(messageOf(good)).toBe('');
    expect(messageOf(good.replace(from, to))).toContain(message);
  });
});
