import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { goldenPath } from '../../../test/golden.ts';
import { systolicCost } from '../systolic/index.ts';
import { parseScaleSimConfig, parseTopology, scaleSimReport } from './index.ts';

/** A row of what `tools/golden/scale_sim.py` writes. */
interface GoldenCase {
  kind: 'gemm' | 'convolution';
  row: string;
  rows: number;
  columns: number;
  dataflow: 'os' | 'ws' | 'is';
  /** Kilobytes, each. */
  sram: number;
  cycles: number;
  stalls: number;
  overallUtilization: number;
  mappingEfficiency: number;
  computeUtilization: number;
  ifmapSramReads: number;
  filterSramReads: number;
  ofmapSramWrites: number;
  ifmapDramReads: number;
  filterDramReads: number;
  ofmapDramWrites: number;
}

const HEADERS = {
  gemm: 'Layer, M, N, K,',
  convolution:
    'Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,',
};

function config({ rows, columns, dataflow, sram }: GoldenCase): string {
  return `[general]
run_name = golden

[architecture_presets]
ArrayHeight:    ${rows}
ArrayWidth:     ${columns}
IfmapSramSzkB:   ${sram}
FilterSramSzkB:  ${sram}
OfmapSramSzkB:   ${sram}
IfmapOffset:    0
Bandwidth : 10
Dataflow : ${dataflow}

[run_presets]
InterfaceBandwidth: CALC
`;
}

const versions = readdirSync(goldenPath('scale-sim')).map((file) => file.replace('.json', ''));

it('has golden files of both versions', () => {
  expect(versions).toEqual(['2.0.2', '3.0.0']);
});

describe.each(versions)('as SCALE-Sim %s', (version) => {
  const cases: GoldenCase[] = JSON.parse(readFileSync(goldenPath(`scale-sim/${version}.json`), 'utf8'));

  it('has cases of every dataflow', () => {
    for (const dataflow of ['os', 'ws', 'is']) {
      expect(cases.filter((golden) => golden.dataflow === dataflow).length).toBeGreaterThan(25);
    }
  });

  it.each(
    cases.map(
      (golden) => [`${golden.dataflow} ${golden.rows} x ${golden.columns}: ${golden.row}`, golden] as const,
    ),
  )('%s', (_, golden) => {
    const { array, memory, bits } = parseScaleSimConfig(config(golden), 'scale.cfg');
    const [layer] = parseTopology(`${HEADERS[golden.kind]}\n${golden.row}\n`, 'topology.csv').gemms;
    const cost = systolicCost(layer!, array, bits, memory);
    const report = scaleSimReport(layer!, array);
    expect(cost.cycles).toEqual({ compute: BigInt(golden.cycles), stall: undefined });
    expect(report).toMatchObject({
      totalCycles: BigInt(golden.cycles),
      ifmapSramReads: BigInt(golden.ifmapSramReads),
      filterSramReads: BigInt(golden.filterSramReads),
      ofmapSramWrites: BigInt(golden.ofmapSramWrites),
    });
    for (const key of ['overallUtilization', 'mappingEfficiency', 'computeUtilization'] as const) {
      expect(report[key]).toBeCloseTo(golden[key], 9);
    }
    expect(cost.mappingEfficiency).toBeCloseTo(golden.mappingEfficiency / 100, 11);

    // Theirs, with buffers that forget, are never less; the same where half of a buffer holds the operand.
    const half = golden.sram * 512;
    const { input, weight, output } = cost.operands;
    const stored = layer!.inputElements ?? layer!.m * layer!.k;
    expect(golden.ifmapDramReads).toBeGreaterThanOrEqual(Number(input.dramReads) / 8);
    expect(golden.filterDramReads).toBeGreaterThanOrEqual(Number(weight.dramReads) / 8);
    if (stored < 100 * Math.floor(half / 100))
      expect(Number(input.dramReads) / 8).toBe(golden.ifmapDramReads);
    if (layer!.k * layer!.n < 100 * Math.floor(half / 100)) {
      expect(Number(weight.dramReads) / 8).toBe(golden.filterDramReads);
    }
    // They write every partial sum to DRAM, we none that the SRAM holds; and they count the gaps of a line of transfers
    // that is not full where the buffer drains before the end.
    expect(golden.ofmapDramWrites).toBeGreaterThanOrEqual(Number(output.dramWrites) / 8);
    if (layer!.m * layer!.n < half && (golden.dataflow === 'os' || layer!.k <= golden.rows)) {
      expect(Number(output.dramWrites) / 8).toBe(golden.ofmapDramWrites);
    }
  });
});
