import { describe, expect, it } from 'vitest';
import { loadMachine, presetNames } from '../machine/index.ts';
import { costOf } from './cost.ts';
import { prepareCost } from './cost-machine.ts';
import { OLIVE_ARRAYS, OLIVE_MEMORY, OLIVE_POWER } from './fused/index.ts';
import { findShape } from './shapes/index.ts';
import { modelWorkload } from './workload.ts';

const machines = await Promise.all(presetNames().map((name) => loadMachine(name)));
const withArray = machines.filter(({ array }) => array);

const workload = (shape: string, batch: number, sequence: number) =>
  modelWorkload(shape, findShape(shape).config, { phase: 'prefill', batch, sequence });

describe('every preset with an array', () => {
  it('is one of a paper that prints it', () => {
    expect(withArray.map(({ name }) => name).sort()).toEqual([
      'adaptivfloat-8bit',
      'anda',
      'ant-4bit',
      'olaccel',
      'olive-4bit',
      'olive-8bit',
      'realm-llama',
      'smoothquant',
    ]);
  });

  it.each(withArray.map((machine) => [machine.name, machine] as const))(
    '%s costs OPT-6.7B, a token and BERT',
    async (_, machine) => {
      const prepared = await prepareCost(machine);
      const { config } = findShape('opt-6.7b');
      const token = modelWorkload('opt-6.7b', config, { phase: 'decode', batch: 1, sequence: 128 });
      for (const each of [workload('opt-6.7b', 1, 128), token, workload('bert-base', 1, 128)]) {
        const { total, sites } = costOf(prepared, each);
        expect(sites.map(({ site }) => site)).toContain('q');
        expect(total.cycles.total > 0n).toBe(true);
        expect(total.seconds).toBeGreaterThan(0);
        expect(total.energy.total).toBeGreaterThan(0);
      }
    },
  );
});

describe("the presets of OliVe's comparison", () => {
  it.each([
    ['olive-4bit', OLIVE_ARRAYS.olive],
    ['olive-8bit', OLIVE_ARRAYS.olive],
    ['ant-4bit', OLIVE_ARRAYS.ant],
    ['olaccel', OLIVE_ARRAYS.olaccel],
    ['adaptivfloat-8bit', OLIVE_ARRAYS.adafloat],
  ])('%s has the array, memory and power that the reproduction has', async (name, array) => {
    const { array: shape, memory, clock, technology } = await loadMachine(name);
    expect(shape).toMatchObject({ rows: array.rows, columns: array.columns, multiplierBits: array.maxBits });
    const { weightBytes: weight, inputBytes: input, outputBytes: output } = OLIVE_MEMORY;
    expect(memory?.sram).toMatchObject({ input, weight, output });
    expect(clock).toBe(OLIVE_POWER.frequency.value);
    expect((8 * memory!.dram!.bandwidth!) / clock!).toBe(OLIVE_MEMORY.dramBitsPerCycle);
    // nW at `clock`, in pJ a cycle; an element does four products of 4 bits, or one of 8.
    const cycle = (OLIVE_POWER.multiplierDynamic.value / clock!) * 1e3;
    const products = name.endsWith('8bit') ? 1 : 4;
    expect(technology!['mac-energy']! * products).toBeCloseTo(cycle, 2);
    const { dram, input: inputs, weight: weights } = OLIVE_MEMORY.accessEnergy;
    expect(memory!.dram!.energy).toBeCloseTo((dram.read.value + dram.write.value) / 2, 2);
    expect(memory!.sram!.read).toBeCloseTo((inputs.read.value + weights.read.value) / 2, 3);
    expect(memory!.sram!.write).toBeCloseTo((inputs.write.value + weights.write.value) / 2, 3);
  });

  it('take the published cycles within what scales add to the traffic', async () => {
    const cycles = async (name: string) => {
      const { sites } = costOf(await prepareCost(await loadMachine(name)), workload('bert-base', 64, 128));
      const encoder = sites.filter(({ site }) => !['pooler', 'classifier'].includes(site));
      return Number(encoder.reduce((sum, site) => sum + site.cycles.total, 0n));
    };
    // ANT's simulator, BERT-base's encoder.
    expect((await cycles('olive-4bit')) / 169_875_264).toBeCloseTo(1, 3);
    expect((await cycles('olaccel')) / 618_164_712).toBeCloseTo(1, 2);
    expect((await cycles('adaptivfloat-8bit')) / 790_379_256).toBeCloseTo(1, 2);
  });
});
