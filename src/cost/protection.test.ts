import { describe, expect, test } from 'vitest';
import { InputError } from '../errors.ts';
import { adder, multiplier } from './components.ts';
import { type ProtectedArray, processingElement, protectionCost } from './protection.ts';
import { type ErrorRateTable, errorRate, operatingCost } from './recovery.ts';

function array(dataflow: ProtectedArray['dataflow'], size = 256): ProtectedArray {
  return { rows: size, columns: size, operandBits: 8, accumulatorBits: 32, dataflow };
}
const WS = array('weight-stationary');
const OS = array('output-stationary');

describe('components', () => {
  test("are the table's at its widths, and near it between", () => {
    expect(adder(32)).toEqual({ area: 137, energy: 0.1 });
    expect(multiplier(8, 8)).toEqual({ area: 282, energy: 0.2 });
    // Horowitz's 8 and 16 bit adders: 36 and 67 um2.
    expect(adder(8).area / 36).toBeCloseTo(1, 1);
    expect(adder(16).area / 67).toBeCloseTo(1, 1);
    expect(multiplier(32, 32).energy / 3.1).toBeCloseTo(1, 1);
  });

  test('an element is a multiplier, an adder and 48 register bits', () => {
    expect(processingElement(WS).area).toBeCloseTo(282 + 137 + 48 * 5.981, 9);
    expect(processingElement(WS).energy).toBeCloseTo(0.2 + 0.1 + 48 * 0.009, 12);
  });
});

describe('protection', () => {
  test('WS: by hand', () => {
    const { area, parts } = protectionCost('statistical-checksum', WS);
    const base = 256 * 256 * (282 + 137 + 48 * 5.981);
    // 16-bit sums of 256 weights: twice the multiplier, 56 register bits.
    const column = 256 * (2 * 282 + 137 + 56 * 5.981);
    const row = 256 * (137 + 32 * 5.981);
    const buffers = 2 * 256 * 32 * 5.981;
    const compare = 256 * 2 * 137 + (255 * 137) / 32;
    const rest = 137 + (40 * 137) / 32 + 40 * 5.981 + 4 * 282 + (2 * 40 * 137) / 32 + 48 * 5.981;
    expect(area).toBeCloseTo((column + row + buffers + compare + rest) / base, 12);
    expect(parts[0]!.component.area).toBeCloseTo(column, 6);
  });

  test('what it costs falls with the size of the array, as its border does', () => {
    for (const dataflow of ['weight-stationary', 'output-stationary'] as const) {
      const small = protectionCost('checksum', array(dataflow, 64));
      const large = protectionCost('checksum', array(dataflow, 256));
      expect(small.area / large.area).toBeGreaterThan(3.5);
      expect(small.area / large.area).toBeLessThan(4);
    }
  });

  test('the statistics come on top of a checksum; copies cost the array again', () => {
    for (const dataflow of [WS, OS]) {
      const cost = (kind: Parameters<typeof protectionCost>[0]) => protectionCost(kind, dataflow);
      expect(cost('statistical-checksum').area).toBeGreaterThan(cost('checksum').area);
      expect(cost('statistical-checksum').power).toBeGreaterThan(cost('checksum').power);
      expect(cost('range-check').area).toBeLessThan(cost('checksum').area);
      expect(cost('tmr').area - cost('dmr').area).toBeCloseTo(1, 12);
      expect(cost('dmr').area).toBeGreaterThan(1);
      expect(cost('dmr').area).toBeLessThan(1.001);
      expect(cost('checksum').cyclesPerFold).toBe(3n);
    }
  });

  test('an array without rows', () => {
    expect(() => protectionCost('dmr', { ...WS, rows: 0 })).toThrow(InputError);
    expect(() => protectionCost('dmr', { ...WS, rows: 0 })).toThrow(/rows of the array: .* found 0/);
  });
});

describe('recovery', () => {
  const table: ErrorRateTable = {
    source: 'synthetic',
    points: [
      { volts: 0.6, rate: 1e-3 },
      { volts: 0.7, rate: 1e-5 },
      { volts: 0.9, rate: 1e-9 },
    ],
  };

  test('rates between the points of the table, none beyond', () => {
    for (const { volts, rate } of table.points) expect(errorRate(table, volts) / rate).toBeCloseTo(1, 12);
    expect(errorRate(table, 0.65) / 1e-4).toBeCloseTo(1, 9);
    expect(errorRate(table, 0.85) / 1e-8).toBeCloseTo(1, 9);
    expect(() => errorRate(table, 0.59)).toThrow(/from 0.6 to 0.9 V, found 0.59 V/);
    expect(() => errorRate(table, Number.NaN)).toThrow(InputError);
    expect(() => errorRate({ source: 'empty', points: [] }, 0.7)).toThrow(InputError);
  });

  test('E ~ V^2, and a recovered tile is computed again at the nominal voltage', () => {
    const point = { volts: 0.72, nominalVolts: 0.9, protectionPower: 0.02, recoveryRate: 0.1 };
    const cost = operatingCost(point);
    expect(cost.compute).toBeCloseTo(0.64, 12);
    expect(cost.protection).toBeCloseTo(0.0128, 12);
    expect(cost.recovery).toBeCloseTo(0.102, 12);
    expect(cost.total).toBeCloseTo(0.7548, 12);
    expect(cost.time).toBeCloseTo(1.1, 12);
    expect(() => operatingCost({ ...point, recoveryRate: 1.5 })).toThrow(/from 0 to 1, found 1.5/);
    expect(() => operatingCost({ ...point, volts: 0 })).toThrow(/positive number of volts, found 0/);
  });
});
