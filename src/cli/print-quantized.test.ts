import { expect, it, vi } from 'vitest';
import type { TensorReport } from '../tensor-files/index.ts';
import { printReports } from './print-quantized.ts';
import { displayWidth } from './table.ts';

const REPORT: TensorReport = {
  format: 'mixed',
  settings: {},
  granularity: 'channel',
  shape: [12, 64],
  bitsPerValue: 4.51,
  mse: 1e-5,
  snrDb: 20.123,
  maxError: 0.5,
  facts: {
    types: [...Array(9).fill('int'), 'flint', 'flint', 'float'],
    pairKinds: { normal: 0.98765432, outlier: 0.01234568 },
    clip: [0.5, 1],
  },
  scales: Float32Array.from({ length: 12 }, (_, i) => (i + 1) / 8),
};

function printed(reports: readonly TensorReport[], flags: { json?: boolean; tensor?: string }): string {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  printReports(reports, 'x.npy', flags);
  const text = log.mock.calls.map(([line]) => line).join('\n');
  log.mockRestore();
  return text;
}

it('sums up long lists in text, and leaves nothing out of JSON', () => {
  const text = printed([REPORT], {});
  expect(text).toMatch(/^types +int x 9, flint x 2, float x 1$/m);
  expect(text).toMatch(/^pair kinds +normal 0\.9877, outlier 0\.01235$/m);
  expect(text).toMatch(/^clip +0\.5, 1$/m);
  expect(text).toMatch(/^scales +0\.125 to 1\.5, median 0\.875; 12, one a channel$/m);
  const { types, pairKinds, scales } = JSON.parse(printed([REPORT], { json: true }));
  expect(types).toEqual(REPORT.facts.types);
  expect(pairKinds).toEqual(REPORT.facts.pairKinds);
  expect(scales).toEqual([...REPORT.scales]);
});

it('marks what is of a part only', () => {
  const sampled = { ...REPORT, tensor: 'w', sampledValues: 1_048_000 };
  expect(printed([sampled], { tensor: 'w' })).toMatch(
    /^bits a value +~4\.51 \(of the first 1,048,000 values\)$/m,
  );
  const table = printed([sampled, { ...REPORT, tensor: 'v'.repeat(80) }], {});
  expect(table).toContain('~4.51');
  expect(table).toContain('~ of the first values only');
  for (const line of table.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(100);
});
