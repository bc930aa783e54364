import { describe, expect, test } from 'vitest';
import { reproduceRealm } from './realm.ts';
import { REGIONS, SWEET_SPOTS } from './realm-published.ts';
import { isCritical, recoveryRate } from './realm-recovery.ts';

const { resilient, sensitive } = REGIONS;

describe('statistical ABFT on deviations', () => {
  test('sensitive: one error recovers where 2^bit lies beyond the line', () => {
    // bit > offset - (slope - 1) bit, so bit > 25.63 / 1.566 = 16.37.
    expect(isCritical(sensitive, [2 ** 16])).toBe(false);
    expect(isCritical(sensitive, [2 ** 17])).toBe(true);
    expect(isCritical(sensitive, [-(2 ** 17)])).toBe(true);
    expect(isCritical(sensitive, [])).toBe(false);
    // Signs cancel in the sum, as in the circuit.
    expect(isCritical(sensitive, [2 ** 30, -(2 ** 30)])).toBe(false);
  });

  test('resilient: not below 2^7.52 = 183 columns, however large', () => {
    expect(isCritical(resilient, new Array(183).fill(2 ** 30))).toBe(false);
    expect(isCritical(resilient, new Array(184).fill(2 ** 30))).toBe(true);
    expect(isCritical(resilient, new Array(256).fill(1))).toBe(false);
  });

  test('rare flips: Poisson, 15 of 32 bits beyond the line', () => {
    const rate = 1e-7;
    const flips = 256 * 256 * 32 * rate;
    const expected = 1 - Math.exp(-flips * (15 / 32));
    const tiles = 20_000;
    const deviation = Math.sqrt((expected * (1 - expected)) / tiles);
    // Two flips in one tile may cancel or add up, which moves it by less than the 4 sigma of the sampling.
    expect(Math.abs(recoveryRate(sensitive, rate, 256, tiles) - expected)).toBeLessThan(4 * deviation);
    expect(recoveryRate(resilient, rate, 256, 100)).toBe(0);
  });
});

describe('entries', () => {
  const { entries } = reproduceRealm();
  const found = (id: string) => entries.find((entry) => entry.id === id)!;

  test('overheads from component counts', () => {
    expect(found('overhead.weight-stationary.area').ours).toBeCloseTo(1.125, 3);
    expect(found('overhead.output-stationary.area').ours).toBeCloseTo(1.292, 3);
    expect(found('overhead.output-stationary.area').holds).toBe(true);
    for (const id of ['weight-stationary.area', 'weight-stationary.power', 'output-stationary.power']) {
      expect(found(`overhead.${id}`).holds).toBe(false);
      expect(found(`overhead.${id}`).note).toContain('Short of the paper');
    }
  });

  test('savings follow E ~ V^2, from a curve that is called synthetic', () => {
    const savings = entries.filter(({ id }) => id.startsWith('table2.saving'));
    expect(savings).toHaveLength(SWEET_SPOTS.length);
    for (const { note } of savings) expect(note).toContain('SYNTHETIC');
    expect(found('table2.saving.opt-1.3b.k').ours).toBeCloseTo(100 * (1 - (0.72 / 0.825) ** 2), 6);
    // A sensitive component at 0.82 V pays for recoveries.
    expect(found('table2.saving.opt-1.3b.o').ours).toBeLessThan(100 * (1 - (0.82 / 0.825) ** 2));
  });

  test('what needs a fault campaign has no number and is not reproduced', () => {
    const missing = entries.filter(({ ours }) => ours === undefined);
    expect(missing).toHaveLength(SWEET_SPOTS.length + 4);
    for (const { holds, note } of missing) {
      expect(holds).toBeUndefined();
      expect(note).toMatch(/^needs /);
    }
  });
});
