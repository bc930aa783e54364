import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { DRAM_TYPES } from './dram.ts';
import { multiplierFigures } from './multiplier.ts';
import { sramFigures } from './sram.ts';
import {
  areaFactor,
  energyFactor,
  frequencyFactor,
  leakageFactor,
  nominalVoltage,
  voltageEnergyFactor,
} from './technology.ts';

describe('between nodes', () => {
  it("energy is that of the authors' own example", () => {
    // Corrected example of section 4.2.1: 1 pJ at 65 nm, 1.3 V is 0.1755 pJ at 32 nm, 0.9 V; its steps are rounded.
    const factor = energyFactor({ node: 65, voltage: 1.3 }, { node: 32, voltage: 0.9 });
    expect(factor.value).toBeCloseTo(0.1755, 3);
    expect(factor.source).toContain('Stillmaker');
  });

  it('area is as tabled, and there and back is 1', () => {
    expect(areaFactor(45, 7).value).toBeCloseTo(0.059, 6);
    expect(areaFactor(32, 14).value).toBeCloseTo(0.38, 1);
    expect(areaFactor(28, 16).value * areaFactor(16, 28).value).toBeCloseTo(1, 12);
  });

  it('nodes in between lie between their neighbours, in order', () => {
    const nodes = [7, 8, 10, 12, 14, 16, 18, 20, 22, 28, 32, 40, 45, 55, 65, 90, 110, 130, 180];
    for (const factor of [
      (node: number) => areaFactor(45, node).value,
      (node: number) =>
        energyFactor({ node: 45, voltage: 1 }, { node, voltage: nominalVoltage(node).value }).value,
    ]) {
      const values = nodes.map(factor);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
    }
  });

  it.each([5, 250, Number.NaN, -7])('%d nm is no node that the equations cover', (node) => {
    expect(() => areaFactor(45, node)).toThrow(InputError);
  });
});

describe('with the voltage', () => {
  it('energy goes by its square', () => {
    expect(voltageEnergyFactor(0.45, 0.9).value).toBeCloseTo(0.25, 12);
  });

  it('the clock goes by the alpha-power law', () => {
    expect(frequencyFactor(0.9, 0.9, 0.3).value).toBe(1);
    // (0.4 / 0.6)^1.3 / (0.7 / 0.9), by hand.
    expect(frequencyFactor(0.7, 0.9, 0.3).value).toBeCloseTo(0.759, 3);
    expect(() => frequencyFactor(0.3, 0.9, 0.3)).toThrow('above the threshold of 0.3 V');
  });

  it('leakage falls faster than the voltage', () => {
    expect(leakageFactor(0.9, 0.9).value).toBe(1);
    expect(leakageFactor(0.8, 0.9).value).toBeCloseTo((0.8 / 0.9) * 10 ** -0.1, 10);
  });
});

describe('multipliers', () => {
  const at45 = { node: 45, voltage: 0.9 };

  it('have the published energy at the node that it was published for', () => {
    expect(multiplierFigures('int8', 'int8', at45).energy?.value).toBeCloseTo(0.3, 12);
    expect(multiplierFigures('float16', 'float16', at45).energy?.value).toBeCloseTo(2.0, 12);
    expect(multiplierFigures('float32', 'float32', at45).area?.value).toBe(7700 + 4184);
    const bfloat16 = multiplierFigures('bfloat16', 'bfloat16', { node: 7, voltage: 0.7 });
    expect(bfloat16.energy?.value).toBeCloseTo(0.59, 12);
    expect(bfloat16.area).toBeUndefined();
  });

  it('decode integers for a float, and say where a figure is only assumed', () => {
    expect(multiplierFigures('int4', 'float16', at45).energy).toMatchObject({ value: 2 });
    expect(multiplierFigures('int4', 'float16', at45).energy?.source).toContain('decoded to float16');
    expect(multiplierFigures('int4', 'int4', at45).energy?.source).toContain('assumed');
  });

  it('without a source have no figure', () => {
    for (const [weights, activations] of [
      ['int16', 'int8'],
      ['tf32', 'tf32'],
      ['float16', 'bfloat16'],
    ]) {
      expect(multiplierFigures(weights!, activations!, at45)).toEqual({ energy: undefined, area: undefined });
    }
  });
});

describe('SRAM', () => {
  const cell = 'high-performance';
  const at32 = { node: 32, voltage: 0.9 };

  it("is CACTI's where the table has a row", () => {
    const { read, write, leakage, area } = sramFigures({ capacity: 65536, width: 256, cell }, at32, 'x');
    expect([read.value, write.value, leakage.value, area.value]).toEqual([0.1087, 0.1282, 22.39, 0.1144]);
  });

  it('lies between the rows elsewhere, and wide accesses take several banks', () => {
    const between = sramFigures({ capacity: 128 * 1024, width: 512, cell }, at32, 'x');
    expect(between.read.value).toBeGreaterThan(0.0619);
    expect(between.read.value).toBeLessThan(0.2148);
    const one = sramFigures({ capacity: 65536, width: 1024, cell }, at32, 'x');
    const four = sramFigures({ capacity: 4 * 65536, width: 4096, cell }, at32, 'x');
    expect(four.read.value).toBe(one.read.value);
    expect(four.area.value).toBeCloseTo(4 * one.area.value, 12);
  });

  it("has the area of Anda's weight buffer: 1 MB at 16 nm, 0.80 mm2", () => {
    const { area } = sramFigures({ capacity: 2 ** 20, width: 64, cell }, { node: 16, voltage: 0.8 }, 'x');
    expect(area.value / 0.8).toBeGreaterThan(0.85);
    expect(area.value / 0.8).toBeLessThan(1.15);
  });

  it('beyond the table is refused, with the key', () => {
    const tooLarge = () => sramFigures({ capacity: 2 ** 25, width: 64, cell }, at32, 'memory.sram.input');
    expect(tooLarge).toThrow('expected a buffer of 4 KiB to 16 MiB a bank, found 32768 KiB');
    expect(() => sramFigures({ capacity: 8192, width: 4096, cell }, at32, 'x')).toThrow('found 2 KiB');
  });
});

it('every DRAM has an energy and a bandwidth with a source', () => {
  for (const { energy, bandwidth } of Object.values(DRAM_TYPES)) {
    expect(energy.source).toMatch(/\d{4}|^assumed/);
    expect(bandwidth.source).toMatch(/JEDEC/);
  }
  expect(DRAM_TYPES.HBM2.energy.value).toBe(3.9);
  expect(DRAM_TYPES.DDR4.energy.value).toBeCloseTo(20.3, 1);
});
