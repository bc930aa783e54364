import { describe, expect, test } from 'vitest';
import { bitSerialSystem, systemArea } from './bit-serial-system.ts';
import type { WorkloadGemm } from './contract.ts';

/** LLaMA-7B's projections for so many tokens. */
function llama7b(m: number): WorkloadGemm[] {
  const gemm = (site: string, k: number, n: number) => ({ site, m, k, n, count: 32, weight: true });
  return [
    ...['q', 'k', 'v', 'o'].map((site) => gemm(site, 4096, 4096)),
    ...['gate', 'up'].map((site) => gemm(site, 4096, 11008)),
    gemm('down', 11008, 4096),
  ];
}

describe("Anda's system", () => {
  test('area: 1.73 mm2 that all machines share, and 1.78 mm2 times the relative area of an element', () => {
    for (const [name, element] of [
      ['fp-fp', 1],
      ['fp-int', 0.63],
      ['figna', 0.18],
    ] as const)
      expect(systemArea(name)).toBeCloseTo(1.73 + (0.41 / 0.23) * element, 10);
    expect(systemArea('anda')).toBe(2.17);
  });

  test('a full array draws the printed power: 81.18 mW', () => {
    const { energy, seconds, cycles } = bitSerialSystem('anda', llama7b(2048), () => 7);
    expect(seconds).toBeCloseTo(Number(cycles) / 285e6, 12);
    const milliwatts = ((energy.compute! + energy.sram!) * 1e-12 * 1e3) / seconds;
    expect(milliwatts).toBeCloseTo(81.18, 6);
    expect(energy.static).toBeUndefined();
  });

  test('prefill: 16 cycles a group against M + 1', () => {
    const cycles = (name: 'fp-fp' | 'anda', mantissa: number) =>
      Number(bitSerialSystem(name, llama7b(2048), () => mantissa).cycles);
    expect(cycles('fp-fp', 7) / cycles('anda', 7)).toBe(2);
    expect(cycles('fp-fp', 15) / cycles('anda', 15)).toBe(1);
  });

  test('decode of one sequence: a row of sixteen works, and all weights cross the interface', () => {
    const system = bitSerialSystem('anda', llama7b(1), () => 7);
    const weights = llama7b(1).reduce((sum, { k, n, count }) => sum + k * n * count, 0);
    const reads = system.sites.reduce((sum, { cost }) => sum + Number(cost!.traffic!.dramReads), 0);
    // 4.125 bits a weight; a token's activations are next to nothing.
    expect(reads / (4.125 * weights)).toBeGreaterThanOrEqual(1);
    expect(reads / (4.125 * weights)).toBeLessThan(1.001);
    for (const { cost } of system.sites) {
      expect(cost!.utilization).toBe(1 / 16);
      expect(cost!.cycles.stall).toBe(0n);
    }
    // 8 cycles for 64 x 16 weights.
    expect(Number(system.cycles)).toBe((weights / 64 / 16) * 8);
    expect(system.energy.dram! / (reads * 3.9)).toBeCloseTo(1, 2);
  });

  test('attention products are modelled on floating-point elements only', () => {
    const qk: WorkloadGemm = { site: 'qk', m: 128, k: 64, n: 128, count: 8, weight: false };
    expect(bitSerialSystem('anda', [qk], () => 16)).toMatchObject({
      sites: [{ cost: undefined, energy: undefined }],
      cycles: 0n,
      energy: { compute: undefined, dram: undefined },
    });
    const { traffic } = bitSerialSystem('fp-fp', [qk], () => 16).sites[0]!.cost!;
    expect(traffic!.dramReads).toBe(8n * 2n * 128n * 64n * 16n);
  });
});
