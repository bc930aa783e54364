import type { Constant } from './contract.ts';

/** A DRAM interface. */
export interface DramType {
  /** pJ a bit moved, device and interface. */
  energy: Constant;
  /** Bytes a second at the interface's peak. */
  bandwidth: Constant;
}

const TPUV4I =
  'Jouppi et al., "Ten Lessons From Three Generations Shaped Google\'s TPUv4i", ISCA 2021, table 2';

/** DRAM by the name in machine files: one channel, package or stack. */
export const DRAM_TYPES = {
  DDR4: {
    energy: { value: 1300 / 64, unit: 'pJ/bit', source: `${TPUV4I}: DDR3/4, 1300 pJ for 64 bits` },
    bandwidth: { value: 25.6e9, unit: 'B/s', source: 'JEDEC JESD79-4: DDR4-3200, one 64-bit channel' },
  },
  LPDDR4: {
    energy: {
      value: 8,
      unit: 'pJ/bit',
      source: "Accelergy (Wu, Emer and Sze, ICCAD 2019), its CACTI plug-in's table of DRAM: 'public data'",
    },
    bandwidth: { value: 25.6e9, unit: 'B/s', source: 'JEDEC JESD209-4: LPDDR4-3200, 64 bits wide' },
  },
  LPDDR5: {
    energy: {
      value: 5.6,
      unit: 'pJ/bit',
      source: "assumed: LPDDR4's figure less the up to 30 % that Samsung announced for LPDDR5 in July 2018",
    },
    bandwidth: { value: 51.2e9, unit: 'B/s', source: 'JEDEC JESD209-5: LPDDR5-6400, 64 bits wide' },
  },
  HBM2: {
    energy: {
      value: 3.9,
      unit: 'pJ/bit',
      source:
        'O\'Connor et al., "Fine-Grained DRAM", MICRO 2017; printed in Anda, HPCA 2025, and tabled in Accelergy',
    },
    bandwidth: { value: 256e9, unit: 'B/s', source: 'JEDEC JESD235A: 1024 bits at 2 Gb/s, one stack' },
  },
  HBM3: {
    energy: { value: 3.9, unit: 'pJ/bit', source: "assumed: HBM2's figure; none is published for HBM3" },
    bandwidth: { value: 819.2e9, unit: 'B/s', source: 'JEDEC JESD238: 1024 bits at 6.4 Gb/s, one stack' },
  },
} satisfies Record<string, DramType>;
