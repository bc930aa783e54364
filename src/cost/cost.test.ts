import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import { loadMachine, parseMachine } from '../machine/index.ts';
import type { Workload, WorkloadGemm } from './contract.ts';
import { costOf } from './cost.ts';
import { prepareCost, scaleSimMachine } from './cost-machine.ts';
import { parseScaleSimConfig } from './scale-sim/index.ts';
import { findShape } from './shapes/index.ts';
import { modelWorkload } from './workload.ts';

const INT8 = `name: mine
operands: { weights: { format: int8, granularity: tensor }, activations: { format: int8, granularity: tensor } }
`;
const HARDWARE = `array: { rows: 8, columns: 8, dataflow: output-stationary, output-bits: 8 }
clock: 1 GHz
memory:
  sram: { input: 64 KiB, weight: 64 KiB, output: 64 KiB, width: 256, read: 0.1 pJ/bit, write: 0.2 pJ/bit }
  dram: { bandwidth: 16 GB/s, energy: 10 pJ/bit }
technology: { node: 45 nm, voltage: 0.9 V, nominal-voltage: 0.9 V }
`;

function machineOf(text: string) {
  return prepareCost(parseMachine(text, 'mine.yaml'));
}

function file(gemm: Partial<WorkloadGemm>): Workload {
  const gemms = [{ site: 'layer', m: 16, k: 32, n: 24, count: 1, weight: true, ...gemm }];
  return { name: 'file', phase: 'file', batch: 1, sequence: 1, gemms };
}

async function messageOf(run: () => unknown): Promise<InputError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('expected an InputError');
}

describe('the cost of one GEMM', () => {
  it('is what a hand calculation gives', async () => {
    const { sites, total } = costOf(await machineOf(INT8 + HARDWARE), file({}));
    const [site] = sites;
    // Folds of 8 x 8: 2 x 3; each 32 + 8 + 8 - 2 cycles; SCALE-Sim's last cycle is not counted.
    expect(site!.cycles.compute).toBe(6n * 46n - 1n);
    expect(site!.macs).toBe(16n * 32n * 24n);
    // Everything fits: each operand crosses DRAM once, 8 bits an element.
    expect(site!.traffic).toMatchObject({
      dramReads: 8n * (16n * 32n + 32n * 24n),
      dramWrites: 8n * 16n * 24n,
      // Inputs for each of 3 column folds, weights for each of 2 row folds, and outputs on their way out.
      sramReads: 8n * (3n * 16n * 32n + 2n * 32n * 24n + 16n * 24n),
      sramWrites: 8n * (16n * 32n + 32n * 24n + 16n * 24n),
    });
    expect(site!.energy.compute).toBeCloseTo(16 * 32 * 24 * 0.3, 6);
    expect(site!.energy.dram).toBeCloseTo(10 * 8 * (512 + 768 + 384), 6);
    expect(site!.energy.sram).toBeCloseTo(0.1 * 8 * (1536 + 1536 + 384) + 0.2 * 8 * (512 + 768 + 384), 6);
    // 16 bytes a nanosecond. Leakage is the table's: 22.39 mW a buffer.
    const seconds = Number(site!.cycles.total) * 1e-9;
    expect(site!.energy.static).toBeCloseTo(3 * 22.39 * seconds * 1e9, 6);
    expect(site!.energy.protection).toBeUndefined();
    const { compute, sram, dram } = site!.energy;
    expect(total.energy.total).toBeCloseTo(compute! + sram! + dram! + site!.energy.static!, 6);
    expect(total.seconds).toBeCloseTo(seconds, 15);
    expect(total.area.array).toBeCloseTo(64 * 419e-6, 9);
    expect(total.tokens).toBeUndefined();
  });

  it('goes with the square of the voltage, but for DRAM', async () => {
    const low = HARDWARE.replace('voltage: 0.9 V,', 'voltage: 0.45 V,');
    const [nominal, half] = await Promise.all([machineOf(INT8 + HARDWARE), machineOf(INT8 + low)]);
    const [before, after] = [nominal, half].map((machine) => costOf(machine, file({})).total);
    expect(after!.energy.compute! / before!.energy.compute!).toBeCloseTo(0.25, 12);
    expect(after!.energy.sram! / before!.energy.sram!).toBeCloseTo(0.25, 12);
    expect(after!.energy.dram).toBe(before!.energy.dram);
    expect(after!.seconds).toBe(before!.seconds);
    const slow = await machineOf(INT8 + low.replace('node:', 'frequency-scaling: alpha-power, node:'));
    expect(slow.clock!.value / 1e9).toBeCloseTo((0.15 / 0.6) ** 1.3 / 0.5, 10);
  });

  it('is exact beyond 2^53', async () => {
    const machine = await machineOf(`${INT8}array: { rows: 1, columns: 1, dataflow: output-stationary }`);
    const size = 2 ** 22 + 1;
    const { total } = costOf(machine, file({ m: size, k: size, n: size, count: 3 }));
    const side = BigInt(size);
    expect(total.macs).toBe(3n * side ** 3n);
    expect(total.cycles.compute).toBe(3n * (side * side * side - 1n));
    expect(total.macs).toBeGreaterThan(2n ** 53n);
  });

  it('says under the roof which side is the limit', async () => {
    const machine = await machineOf(INT8 + HARDWARE);
    const { roofline } = costOf(machine, file({})).total;
    expect(roofline.peak).toBeCloseTo(64e9, 3);
    expect(roofline.ridge).toBeCloseTo(4, 12);
    expect(roofline.intensity).toBeCloseTo((16 * 32 * 24) / (512 + 768 + 384), 10);
    expect(roofline.bound).toBe('compute');
    expect(roofline.reached!).toBeLessThan(roofline.roof!);
    expect(costOf(machine, file({ m: 1 })).total.roofline.bound).toBe('memory');
  });
});

describe('what is not modelled', () => {
  it('is undefined and named, never 0', async () => {
    const bare = `${INT8}array: { rows: 8, columns: 8, dataflow: weight-stationary }`;
    const { total, notModelled } = costOf(await machineOf(bare), file({}));
    expect(Object.values(total.energy)).toEqual(Array(7).fill(undefined));
    expect(Object.values(total.area)).toEqual(Array(6).fill(undefined));
    expect(total.cycles.stall).toBeUndefined();
    expect(total.seconds).toBeUndefined();
    expect(notModelled.join('; ')).toMatch(/no technology.*no memory\.sram.*stalls.*compute, sram, dram/);
  });

  it('by a format without a figure is its energy alone', async () => {
    const wide = `${INT8}${HARDWARE}`.replaceAll('int8', 'int16');
    const { total } = costOf(await machineOf(wide), file({}));
    expect(total.energy.compute).toBeUndefined();
    expect(total.area.array).toBeUndefined();
    expect(total.energy.dram).toBeGreaterThan(0);
    const stated = wide.replace('node: 45 nm', 'node: 45 nm, mac-energy: 1 pJ, mac-area: 100 um2');
    const known = costOf(await machineOf(stated), file({}));
    expect(known.total.energy.compute).toBeCloseTo(16 * 32 * 24, 6);
    expect(known.total.area.array).toBeCloseTo(64e-4, 12);
    expect(known.constants['multiply-accumulate, int16 × int16']?.source).toContain('machine file');
  });

  it('names a source for every figure that it used', async () => {
    const { constants } = costOf(await machineOf(INT8 + HARDWARE), file({}));
    expect(Object.keys(constants).length).toBeGreaterThan(12);
    for (const { source, unit, value } of Object.values(constants)) {
      expect(source.length).toBeGreaterThan(10);
      expect(unit).toBeTypeOf('string');
      expect(value).toBeGreaterThan(0);
    }
  });
});

describe('a model on a machine', () => {
  const opt = modelWorkload('opt-125m', findShape('opt-125m').config, {
    phase: 'prefill',
    batch: 1,
    sequence: 64,
  });

  it('adds up its sites; what is computed elsewhere is left out', async () => {
    const { sites, total, notModelled } = costOf(await prepareCost(await loadMachine('realm-llama')), opt);
    expect(sites.map(({ site }) => site)).toEqual(['q', 'k', 'v', 'qk', 'sv', 'o', 'fc1', 'fc2']);
    expect(notModelled).toContain('computed elsewhere: lm_head');
    expect(total.macs).toBe(sites.reduce((sum, { macs }) => sum + macs, 0n));
    expect(total.cycles.compute).toBe(sites.reduce((sum, { cycles }) => sum + cycles.compute, 0n));
    expect(total.tokensPerSecond).toBeCloseTo(64 / total.seconds!, 6);
  });

  it('counts shared scales into the bits that are moved', async () => {
    const groups = INT8.replace('format: int8, granularity: tensor', 'format: int4, granularity: "group:32"');
    const hardware = HARDWARE.replace('output-bits: 8', 'output-bits: 8, multiplies: [int8]');
    const { sites } = costOf(await machineOf(groups + hardware), file({}));
    // int4 weights with a float32 scale for 32 of them: 5 bits each; k is 32.
    expect(sites[0]!.traffic!.dramReads).toBe(8n * 512n + 5n * 768n);
  });

  it('splits multipliers in a fused array', async () => {
    const fused = HARDWARE.replace('dataflow:', 'kind: fused, dataflow:');
    const wide = costOf(await machineOf(INT8 + fused), file({ m: 64, n: 64 }));
    const narrow = costOf(await machineOf(INT8.replaceAll('int8', 'int4') + fused), file({ m: 64, n: 64 }));
    expect(wide.total.cycles.compute).toBe(4n * narrow.total.cycles.compute);
    expect(narrow.total.roofline.peak).toBeCloseTo(4 * wide.total.roofline.peak!, 3);
  });

  it('has bit-serial arrays and tensor cores too', async () => {
    const operands = 'operands: { weights: { format: int4 }, activations: { format: float16 } }';
    const serial = await machineOf(
      `name: a\n${operands}\narray: { kind: bit-serial, design: figna, rows: 16, columns: 16 }`,
    );
    // FIGNA: 16 cycles a group of 64.
    const { total } = costOf(serial, file({ m: 16, k: 128, n: 16 }));
    expect(total.cycles.compute).toBe(2n * 16n);
    const gpu = await machineOf(`name: a\n${operands}\narray: { kind: tensor-core, device: rtx-2080-ti }`);
    const cost = costOf(gpu, file({ m: 4096, k: 4096, n: 4096 }));
    expect(cost.total.seconds).toBeGreaterThan(4096 ** 3 / (68 * 512 * 1.545e9));
    expect(cost.total.roofline.peak).toBeCloseTo(68 * 512 * 1.545e9, -3);
    expect(cost.constants["a kernel's launch"]).toMatchObject({ value: 5000, unit: 'cycles' });
    expect(cost.constants.multiprocessors!.value).toBe(68);
  });
});

const SCALE_SIM = `[general]
run_name = small
[architecture_presets]
ArrayHeight: 128
ArrayWidth: 128
IfmapSramSzkB: 1024
FilterSramSzkB: 1024
OfmapSramSzkB: 1024
IfmapOffset: 0
Bandwidth: 10
Dataflow: os
[run_presets]
InterfaceBandwidth: CALC
`;

it("costs what a SCALE-Sim configuration says, with SCALE-Sim's cycles", async () => {
  const machine = await scaleSimMachine(parseScaleSimConfig(SCALE_SIM, 'small.cfg'));
  // Measured with SCALE-Sim v2: 512 x 768 x 768 takes 24,527 cycles.
  const { sites } = costOf(machine, file({ site: 'Conv1', m: 512, k: 768, n: 768 }));
  expect(sites[0]).toMatchObject({ site: 'Conv1', cycles: { compute: 24527n } });
});

it("keeps a SCALE-Sim array's partial sums in words of one byte", async () => {
  const text = SCALE_SIM.replace('OfmapSramSzkB: 1024', 'OfmapSramSzkB: 256').replace('os\n', 'ws\n');
  const machine = await scaleSimMachine(parseScaleSimConfig(text, 'small.cfg'));
  const { total } = costOf(machine, file({ m: 512, k: 768, n: 768 }));
  // 512 x 128 sums of a byte fit half of 256 KiB, so that none goes to DRAM and comes back.
  expect(total.traffic!.dramWrites).toBe(8n * 512n * 768n);
});

describe('bad input', () => {
  it('a format that the array cannot compute', async () => {
    const text = `${INT8}sites: { fc1: { activations: { format: float16 }, weights: { format: float16 } } }\n${HARDWARE}`;
    const machine = await machineOf(text);
    const error = await messageOf(() => costOf(machine, file({ site: 'fc1' })));
    expect(error.format()).toBe(
      'sites.fc1: fc1 computes in float16, a float, which an array of int8 cannot multiply\n' +
        '  name float16 under array.multiplies if the elements take it, or fc1 under array.outside',
    );
  });

  it('a machine without an array, and one without a dataflow', async () => {
    expect((await messageOf(() => machineOf(INT8))).message).toContain('has no array');
    const machine = await machineOf(`${INT8}array: { rows: 8, columns: 8 }`);
    expect((await messageOf(() => costOf(machine, file({})))).message).toContain('expected a dataflow');
  });

  it('a tile that fits no buffer says which and by how much', async () => {
    const machine = await machineOf(INT8 + HARDWARE.replace('input: 64 KiB', 'input: 4 KiB'));
    const wide = { ...machine, array: { ...machine.array, rows: 65536 } };
    const { message } = await messageOf(() => costOf(wide, file({ m: 65536 })));
    expect(message).toMatch(/input buffer: a tile of .* bits too few/);
  });

  it('sizes that are no positive whole numbers', async () => {
    const machine = await machineOf(INT8 + HARDWARE);
    for (const gemm of [{ m: 0 }, { k: -1 }, { n: 1.5 }, { count: 0 }]) {
      expect((await messageOf(() => costOf(machine, file(gemm)))).message).toContain('expected');
    }
  });

  it('nothing left to cost', async () => {
    const machine = await machineOf(`${INT8}array: { rows: 8, columns: 8, outside: [q] }`);
    const error = await messageOf(() => costOf(machine, file({ site: 'q' })));
    expect(error.message).toContain('nothing is left');
  });
});
