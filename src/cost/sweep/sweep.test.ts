import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../errors.ts';
import { loadVariableMachine } from '../../machine/index.ts';
import { costOf } from '../cost.ts';
import { prepareCost } from '../cost-machine.ts';
import { findShape } from '../shapes/index.ts';
import { modelWorkload, type WorkloadOptions } from '../workload.ts';
import { sweep, sweepCsv, sweepSvg } from './index.ts';
import { gridOf, parseAxis } from './values.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapeout-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'm.yaml');
writeFileSync(
  file,
  `extends: int8
name: m
array: { rows: 32, columns: 32, dataflow: output-stationary }
clock: 500 MHz
memory: { sram: { input: 256 KiB, weight: 256 KiB, output: 256 KiB }, dram: { type: HBM2 } }
technology: { node: 28 nm, voltage: 800 mV }
`,
);
const machine = loadVariableMachine(file);
const options: WorkloadOptions = { phase: 'prefill', batch: 1, sequence: 16 };
const workload = (size: WorkloadOptions) => modelWorkload('gpt2', findShape('gpt2').config, size);

describe('an axis', () => {
  const axis = (text: string) => parseAxis(text, machine.valueAt);

  it('is a range with both ends, without rounding errors', () => {
    const { values, numbers } = axis('technology.voltage=0.6..0.9:0.01V');
    expect(values).toHaveLength(31);
    expect(values.slice(0, 4)).toEqual(['0.6 V', '0.61 V', '0.62 V', '0.63 V']);
    expect(values.at(-1)).toBe('0.9 V');
    expect(numbers?.at(-1)).toBe(0.9);
    expect(axis('array.rows=64..16:-16').values).toEqual([64, 48, 32, 16]);
    expect(axis('array.rows=8..30:8').values).toEqual([8, 16, 24]);
  });

  it('is a list, of words too', () => {
    expect(axis('array.rows=8,16,64..128:64').values).toEqual([8, 16, 64, 128]);
    expect(axis('memory.dram.type=DDR4,HBM2')).toMatchObject({
      values: ['DDR4', 'HBM2'],
      numbers: undefined,
    });
  });

  it("has the machine file's unit where it names none, and its own where the file has none", () => {
    expect(axis('technology.voltage=700,800').values).toEqual(['700 mV', '800 mV']);
    expect(axis('clock=1..2:0.5 GHz').values).toEqual(['1 GHz', '1.5 GHz', '2 GHz']);
    expect(axis('technology.nominal-voltage=0.9').values).toEqual(['0.9 V']);
    expect(axis('memory.sram.input=64KiB,128').values).toEqual(['64 KiB', '128 KiB']);
  });

  it.each([
    ['technology.voltage', 'expected KEY=FROM..TO:STEP or KEY=a,b,c'],
    ['=1,2', 'expected KEY='],
    ['array.rows=1..10', 'expected FROM..TO:STEP'],
    ['array.rows=1..10:0', 'expected a step that leads from 1 to 10'],
    ['array.rows=1..10:-1', 'expected a step'],
    ['array.rows=1,,2', 'expected a value between commas'],
    ['clock=1 GHz,2 MHz', 'expected one unit'],
    ['array.rows=0..1e9:1', 'expected at most 1000000 values'],
  ])('%s is none', (text, message) => {
    expect(() => axis(text)).toThrow(message);
  });
});

it('a grid has every combination, the last key fastest', () => {
  const axes = ['array.rows=8,16', 'array.columns=1,2,3'].map((text) => parseAxis(text, machine.valueAt));
  expect([...gridOf(axes)]).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  expect(() => [...gridOf([axes[0]!, axes[0]!])]).toThrow('expected each key once');
});

describe('a sweep', () => {
  it('costs each point as the machine file with that value would be', async () => {
    const { points } = await sweep(machine, workload, options, ['array.rows=8,32', 'batch=1,2']);
    expect(points.map(({ values }) => values)).toEqual([
      [8, 1],
      [8, 2],
      [32, 1],
      [32, 2],
    ]);
    const one = await prepareCost(machine.with({ 'array.rows': 8 }));
    expect(points[1]!.total).toEqual(costOf(one, workload({ ...options, batch: 2 })).total);
    expect(points[3]!.total).toEqual(
      costOf(await prepareCost(machine.with({})), workload({ ...options, batch: 2 })).total,
    );
  });

  it('marks the points that no other beats', async () => {
    const { points } = await sweep(machine, workload, options, [
      'array.rows=8,32',
      'technology.voltage=0.7,0.8 V',
    ]);
    const values = points.map(({ total }) => [total!.seconds!, total!.energy.total!, total!.area.total!]);
    for (const [i, { best }] of points.entries()) {
      const beaten = values.some(
        (other) => other.every((v, k) => v <= values[i]![k]!) && other.some((v, k) => v < values[i]![k]!),
      );
      expect(best).toBe(!beaten);
    }
    expect(points.map(({ best }) => best)).toContain(false);
    expect(points.map(({ best }) => best)).toContain(true);
  });

  it('takes no machine for frugal and small because less of it is modelled', async () => {
    // No source has a multiplier of olive-int8; it is stored in as many bits, and takes as many cycles.
    const { points } = await sweep(machine, workload, options, ['operands.weights.format=int8,olive-int8']);
    expect(points.map(({ total }) => total!.energy.compute === undefined)).toEqual([false, true]);
    expect(points.map(({ best }) => best)).toEqual([true, true]);
  });

  it('has no batch and no sequence where a file says the sizes', async () => {
    const gemms = [{ site: 'layer', m: 16, k: 32, n: 24, count: 1, weight: true }];
    const topology = () => ({ name: 'file', phase: 'file' as const, batch: 1, sequence: 1, gemms });
    await expect(sweep(machine, topology, options, ['batch=1,2'])).rejects.toThrow(
      '--set batch: expected a model or a shape, found a topology',
    );
    await expect(sweep(machine, topology, options, ['array.rows=8'])).resolves.toBeDefined();
  });

  it('keeps what cannot be beside what can; where nothing can, it fails', async () => {
    const { points } = await sweep(machine, workload, options, ['memory.sram.input=1,256 KiB']);
    expect(points[0]!.error).toContain('expected a buffer of 4 KiB');
    expect(points[1]!.total).toBeDefined();
    await expect(sweep(machine, workload, options, ['technology.volts=1,2'])).rejects.toThrow(
      'unknown key "volts"',
    );
    await expect(sweep(machine, workload, options, ['array.rows=0,-1'])).rejects.toThrow(InputError);
  });

  it('is a line a point in CSV, counts in all their digits', async () => {
    const result = await sweep(machine, workload, options, ['technology.voltage=700,800,90 mV']);
    const [head, ...rows] = sweepCsv(result).trimEnd().split('\n');
    expect(head).toMatch(/^technology\.voltage \(mV\),macs,compute cycles,.*,best,error$/);
    expect(rows).toHaveLength(3);
    expect(rows[0]!.split(',').slice(0, 2)).toEqual(['700', String(result.points[0]!.total!.macs)]);
    expect(rows[2]).toMatch(/,0,"expected a voltage from 100 mV to 5 V, found ""90 mV"""$/);
  });

  it('is a picture: a panel a measure that changes, a line a series', async () => {
    const rows = await sweep(machine, workload, options, [
      'array.rows=8,16,32',
      'technology.voltage=0.7,0.8 V',
    ]);
    const svg = sweepSvg(rows, 'a < b');
    expect(svg).toMatch(/^<svg xmlns/);
    expect(svg).toContain('a &lt; b');
    for (const title of ['latency (s)', 'energy (J)', 'area (mm2)'])
      expect(svg).toContain(`>${title}</text>`);
    expect(svg.match(/stroke-width="1.5"/g)).toHaveLength(6);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    const words = await sweep(machine, workload, options, ['memory.dram.type=DDR4,HBM2']);
    const categories = sweepSvg(words, 'x');
    expect(categories).toContain('>DDR4</text>');
    expect(categories).not.toContain('area (mm2)');
  });
});
