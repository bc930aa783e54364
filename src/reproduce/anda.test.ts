import { expect, test } from 'vitest';
import { reproduceAnda } from './anda.ts';
import { ANDA_MODELS } from './anda-published.ts';

const { entries } = reproduceAnda();

function named(prefix: string) {
  return entries.filter(({ id }) => id.startsWith(prefix));
}

test('what holds and what does not', () => {
  expect(named('pe.')).toHaveLength(2 * 15);
  expect(named('table2.bops.')).toHaveLength(3 * 2 * 9);
  for (const prefix of ['pe.', 'table2.', 'fig16.speed', 'fig16.area', 'fig17.compute', 'fig17.improvement'])
    for (const { id, holds } of named(prefix)) expect(holds, id).toBe(true);
  // Each for a reason that its note gives.
  const off = entries.filter(({ holds }) => holds === false).map(({ id }) => id);
  expect(off).toEqual([
    'system.parts.area',
    'fig16.energy.figna-m11',
    'fig16.energy.figna-m8',
    ...['fp-fp', 'anda-0.1%', 'anda-1%'].flatMap((key) =>
      ['compute', 'sram', 'dram'].map((part) => `fig17.by-traffic.${part}.${key}`),
    ),
  ]);
});

test('what needs more than the paper prints has no number', () => {
  const missing = entries.filter(({ ours }) => ours === undefined).map(({ id }) => id);
  expect(missing).toEqual(['fig18.speed.llama-13b.5%', 'fig18.energy.llama-13b.5%']);
});

test('ids are unique, and every entry says how it came about', () => {
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  for (const { id, note } of entries) expect(note, id).not.toBe('');
});

test("Anda's 20 points lie on 69.45 and 80.35 over M + 1", () => {
  const points = named('pe.').filter(({ id }) => id.includes('anda'));
  expect(points).toHaveLength(20);
  for (const { id, ours } of points) {
    const mantissa = Number(id.split('-m')[1]);
    const constant = id.startsWith('pe.area') ? 69.45 : 80.35;
    expect((ours! * (mantissa + 1)) / constant, id).toBeCloseTo(1, 2);
  }
});

test('geometric means of the speedup: 2.10 and 2.44', () => {
  const speed = (key: string) => entries.find(({ id }) => id === `fig16.speed.${key}`)!.ours!;
  expect(speed('anda-0.1%')).toBeCloseTo(2.1005, 3);
  expect(speed('anda-1%')).toBeCloseTo(2.4446, 3);
  expect(speed('figna-m11')).toBeCloseTo(16 / 11, 4);
});

test('looser accuracy never asks for more bits', () => {
  expect(ANDA_MODELS).toHaveLength(9);
  for (const { name, precisions } of ANDA_MODELS)
    for (const [dataset, { '0.1%': strict, '1%': relaxed }] of Object.entries(precisions))
      expect(relaxed.bops, `${name} ${dataset}`).toBeGreaterThan(strict.bops);
});
