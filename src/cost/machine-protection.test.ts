import { describe, expect, it } from 'vitest';
import { parseMachine } from '../machine/index.ts';
import type { Workload } from './contract.ts';
import { costOf } from './cost.ts';
import { prepareCost } from './cost-machine.ts';
import { protectionCost } from './protection.ts';

const MACHINE = `name: mine
operands: { weights: { format: int8, granularity: tensor }, activations: { format: int8, granularity: tensor } }
array: { rows: 8, columns: 8, dataflow: output-stationary, output-bits: 8 }
clock: 1 GHz
memory:
  sram: { input: 64 KiB, weight: 64 KiB, output: 64 KiB }
  dram: { bandwidth: 16 GB/s, energy: 10 pJ/bit }
technology: { node: 45 nm, voltage: 0.45 V, nominal-voltage: 0.9 V }
`;

/** 16 x 32 x 24, or another. */
function workload(size: { m?: number; k?: number; n?: number; count?: number } = {}): Workload {
  const gemms = [{ site: 'layer', m: 16, k: 32, n: 24, count: 1, weight: true, ...size }];
  return { name: 'file', phase: 'file', batch: 1, sequence: 1, gemms };
}

async function cost(protection: string, of = workload(), text = MACHINE) {
  return costOf(await prepareCost(parseMachine(text + protection, 'mine.yaml')), of);
}

const SHAPE = { rows: 8, columns: 8, operandBits: 8, accumulatorBits: 32 };

describe('the protection of a machine', () => {
  it('takes shares of the array, and cycles in each fold', async () => {
    const [plain, { total, notModelled }] = await Promise.all([
      cost(''),
      cost('protection: { kind: checksum }'),
    ]);
    // 2 x 3 folds of 8 x 8; the checksum circuit takes 3 cycles in each.
    expect(total.cycles.compute).toBe(6n * 46n - 1n + 6n * 3n);
    expect(total.cycles.stall).toBe(plain.total.cycles.stall);
    const { area, power } = protectionCost('checksum', { ...SHAPE, dataflow: 'output-stationary' });
    expect(total.area.protection).toBeCloseTo(64 * 419e-6 * area, 9);
    // Half the voltage: a quarter of the energy.
    expect(total.energy.compute).toBeCloseTo((16 * 32 * 24 * 0.3) / 4, 6);
    expect(total.energy.protection).toBeCloseTo(((16 * 32 * 24 * 0.3) / 4) * power, 6);
    expect(total.energy.static! / plain.total.energy.static!).toBeCloseTo(
      Number(total.cycles.total) / Number(plain.total.cycles.total),
      12,
    );
    // SCALE-Sim's count leaves out one cycle.
    const all = Number(total.cycles.total) + 1;
    expect(total.utilization).toBeCloseTo((16 * 32 * 24) / (64 * all), 12);
    expect(total.energy.recovery).toBeUndefined();
    expect(notModelled).toContain(
      'cycles and energy of recovery: the machine names no protection.recovery-rate',
    );
    expect(plain.total.energy.protection).toBeUndefined();
    expect(plain.total.area.protection).toBeUndefined();
    const { array, inputBuffer, weightBuffer, outputBuffer, protection } = total.area;
    const areas = array! + inputBuffer! + weightBuffer! + outputBuffer! + protection!;
    expect(total.area.total).toBeCloseTo(areas, 12);
  });

  it('computes tiles again at the nominal voltage', async () => {
    const { sites, total, notModelled } = await cost('protection: { kind: checksum, recovery-rate: 0.1 }');
    // A tenth of 293 cycles, rounded up.
    expect(total.cycles.compute).toBe(293n + 30n);
    const { power } = protectionCost('checksum', { ...SHAPE, dataflow: 'output-stationary' });
    expect(total.energy.recovery).toBeCloseTo(0.1 * 16 * 32 * 24 * 0.3 * (1 + power), 6);
    const { compute, sram, dram, static: leakage, protection, recovery } = total.energy;
    expect(total.energy.total).toBeCloseTo(compute! + sram! + dram! + leakage! + protection! + recovery!, 6);
    expect(sites[0]!.energy).toEqual(total.energy);
    expect(notModelled.join()).toContain('memory traffic of recovery');
    expect(notModelled.join()).not.toContain('energy:');
  });

  it('checks every fold of every GEMM', async () => {
    const text = MACHINE.replace('output-stationary', 'weight-stationary');
    const { total } = await cost('protection: { kind: statistical-checksum }', workload({ count: 2 }), text);
    // 4 x 3 folds of 2 x 8 + 8 + 16 - 2 cycles, and 6 of checks.
    expect(total.cycles.compute).toBe(2n * (12n * 38n - 1n + 12n * 6n));
  });

  it('never computes again what a majority or a bound has mended', async () => {
    for (const kind of ['tmr', 'range-check']) {
      const { total, constants } = await cost(`protection: { kind: ${kind} }`);
      expect(total.energy.recovery).toBe(0);
      expect(total.cycles.compute).toBe(6n * 47n - 1n);
      expect(constants['recovery, share of the tiles']!.source).toContain('nothing is computed again');
    }
    const { area, energy } = (await cost('protection: { kind: tmr }')).total;
    expect(area.protection! / area.array!).toBeCloseTo(2, 1);
    expect(energy.protection! / energy.compute!).toBeCloseTo(2, 1);
  });

  it('is exact beyond 2^53, also for single elements', async () => {
    const lines = MACHINE.replace('rows: 8, columns: 8', 'rows: 1, columns: 1').split('\n');
    const text = lines.filter((line) => !/memory|ram:/.test(line)).join('\n');
    const side = 2 ** 22 + 1;
    const protection = 'protection: { kind: dmr, recovery-rate: 0.25 }';
    const { total } = await cost(protection, workload({ m: side, k: side, n: side }), text);
    const checked = BigInt(side) ** 3n - 1n + BigInt(side) ** 2n;
    expect(total.cycles.compute).toBe(checked + (checked + 3n) / 4n);
    const single = await cost('protection: { kind: dmr }', workload({ m: 1, k: 1, n: 1 }), text);
    // A product, which SCALE-Sim does not count, and a comparison.
    expect(single.total.cycles.compute).toBe(1n);
    expect(single.total.utilization).toBe(0.5);
  });

  it('is not modelled in energy without a technology, but in cycles', async () => {
    const text = MACHINE.replace(/technology.*\n/, '');
    const { total } = await cost('protection: { kind: checksum, recovery-rate: 1 }', workload(), text);
    expect(total.energy.protection).toBeUndefined();
    expect(total.energy.recovery).toBeUndefined();
    expect(total.area.protection).toBeUndefined();
    expect(total.cycles.compute).toBe(2n * 293n);
  });

  it('names the source of each of its figures', async () => {
    const { constants } = await cost('protection: { kind: statistical-checksum, recovery-rate: 0.02 }');
    const named = Object.entries(constants).filter(([what]) => /protection|recovery/.test(what));
    expect(named).toHaveLength(10);
    expect(constants['protection, area']!.source).toContain('ReaLM');
    expect(constants['recovery, share of the tiles']).toMatchObject({ value: 0.02 });
    expect(named.map(([, { source }]) => source).join()).toContain('Horowitz');
  });
});
