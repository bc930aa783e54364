import { BIT_SERIAL_MACHINES, type BitSerialMachineName } from '../cost/bit-serial-machines.ts';
import { bitSerialSystem } from '../cost/bit-serial-system.ts';
import type { WorkloadGemm } from '../cost/contract.ts';
import {
  type AndaModel,
  type Combination,
  ENERGY_SPLIT,
  type Loss,
  type SystemKey,
} from './anda-published.ts';

/* What Anda's entries are computed from: its models on the machines of the cost model. */

export function lossOf(key: SystemKey): Loss | undefined {
  return key === 'anda-0.1%' ? '0.1%' : key === 'anda-1%' ? '1%' : undefined;
}

export function machineOf(key: SystemKey): BitSerialMachineName {
  return key === 'anda-0.1%' || key === 'anda-1%' ? 'anda' : key;
}

/** On WikiText2; a baseline does not ask for it. */
function combinationOf(model: AndaModel, key: SystemKey): Combination {
  return model.precisions.wikitext2[lossOf(key) ?? '0.1%'].combination;
}

/** The projections of all layers. Attention products stay FP16 on every machine and are not compared. */
function projections({ layers, hidden, feedForward, context, gated }: AndaModel): WorkloadGemm[] {
  const gemm = (site: string, k: number, n: number): WorkloadGemm => ({
    site,
    m: context,
    k,
    n,
    count: layers,
    weight: true,
  });
  const up = gated ? ['gate', 'up'] : ['fc1'];
  return [
    ...['q', 'k', 'v', 'o'].map((site) => gemm(site, hidden, hidden)),
    ...up.map((site) => gemm(site, hidden, feedForward)),
    gemm(gated ? 'down' : 'fc2', feedForward, hidden),
  ];
}

/** The tensor types A_qkv, A_o, A_u (up and gate), A_d. */
function mantissaOf([qkv, o, up, down]: Combination): (site: string) => number {
  const bits: Record<string, number> = { q: qkv, k: qkv, v: qkv, o, gate: up, up, fc1: up, down, fc2: down };
  return (site) => bits[site]!;
}

/** Weighted by multiply-accumulates. */
export function meanMantissa(model: AndaModel, combination: Combination): number {
  const bits = mantissaOf(combination);
  let [weighted, total] = [0, 0];
  for (const { site, m, k, n, count } of projections(model)) {
    const products = m * k * n * count;
    weighted += products * bits(site);
    total += products;
  }
  return weighted / total;
}

function run(model: AndaModel, key: SystemKey) {
  return bitSerialSystem(machineOf(key), projections(model), mantissaOf(combinationOf(model, key)));
}

export function speedup(model: AndaModel, key: SystemKey): number {
  return Number(run(model, 'fp-fp').cycles) / Number(run(model, key).cycles);
}

/** pJ, by the powers of the parts and the traffic of the cost model. */
export function energyParts(
  model: AndaModel,
  key: SystemKey,
): { compute: number; sram: number; dram: number } {
  const { compute, sram, dram } = run(model, key).energy;
  return { compute: compute!, sram: sram!, dram: dram! };
}

/** Hundredths of FP-FP's energy: its 42 for compute (Fig. 17) over the energy efficiency of the element. */
export function derivedCompute(model: AndaModel, key: SystemKey): number {
  const relative = BIT_SERIAL_MACHINES[machineOf(key)].power.value;
  const slower = lossOf(key) ? (meanMantissa(model, combinationOf(model, key)) + 1) / 16 : 1;
  return ENERGY_SPLIT[0]!.compute * relative * slower;
}

/** FP-FP's energy over this one's, with SRAM and DRAM as Fig. 17 prints them for LLaMA-13B. */
export function derivedEnergyEfficiency(model: AndaModel, key: SystemKey): number {
  const split = (wanted: SystemKey) => ENERGY_SPLIT.find((published) => published.key === wanted)!;
  const { compute, sram, dram } = split('fp-fp');
  const memory = split(key);
  return (compute + sram + dram) / (derivedCompute(model, key) + memory.sram + memory.dram);
}
