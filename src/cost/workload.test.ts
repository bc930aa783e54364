import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError } from '../errors.ts';
import type { Workload } from './contract.ts';
import { findShape, SHAPES } from './shapes/index.ts';
import { modelWorkload, tokensOf } from './workload.ts';

function workload(shape: string, phase: 'prefill' | 'decode', batch: number, sequence: number): Workload {
  return modelWorkload(shape, findShape(shape).config, { phase, batch, sequence });
}

function gemm({ gemms }: Workload, site: string) {
  return gemms.find((other) => other.site === site);
}

/** Elements of all weights. */
function weights({ gemms }: Workload): number {
  return gemms.filter(({ weight }) => weight).reduce((sum, { k, n, count }) => sum + k * n * count, 0);
}

function macs({ gemms }: Workload): bigint {
  return gemms.reduce(
    (sum, { m, k, n, count }) => sum + BigInt(m) * BigInt(k) * BigInt(n) * BigInt(count),
    0n,
  );
}

describe('the GEMMs of a model', () => {
  it('in prefill take all tokens; the head takes the last of each sequence', () => {
    const { gemms } = workload('opt-6.7b', 'prefill', 2, 128);
    expect(gemms).toEqual([
      { site: 'q', m: 256, k: 4096, n: 4096, count: 32, weight: true },
      { site: 'k', m: 256, k: 4096, n: 4096, count: 32, weight: true },
      { site: 'v', m: 256, k: 4096, n: 4096, count: 32, weight: true },
      { site: 'qk', m: 128, k: 128, n: 128, count: 32 * 32 * 2, weight: false },
      { site: 'sv', m: 128, k: 128, n: 128, count: 32 * 32 * 2, weight: false },
      { site: 'o', m: 256, k: 4096, n: 4096, count: 32, weight: true },
      { site: 'fc1', m: 256, k: 4096, n: 16384, count: 32, weight: true },
      { site: 'fc2', m: 256, k: 16384, n: 4096, count: 32, weight: true },
      { site: 'lm_head', m: 2, k: 4096, n: 50272, count: 1, weight: true },
    ]);
  });

  it('in decode take one token of each sequence, against the cache', () => {
    const decode = workload('opt-6.7b', 'decode', 3, 1000);
    expect(gemm(decode, 'fc1')).toMatchObject({ m: 3, k: 4096, n: 16384, count: 32 });
    expect(gemm(decode, 'qk')).toMatchObject({ m: 1, k: 128, n: 1000, count: 32 * 32 * 3 });
    expect(gemm(decode, 'sv')).toMatchObject({ m: 1, k: 1000, n: 128, count: 32 * 32 * 3 });
    expect(gemm(decode, 'lm_head')).toMatchObject({ m: 3 });
    expect(tokensOf(decode)).toBe(3);
    expect(tokensOf(workload('opt-6.7b', 'prefill', 3, 1000))).toBe(3000);
  });

  it('with grouped heads read a key once for its group of query heads', () => {
    const prefill = workload('llama-3-8b', 'prefill', 1, 64);
    expect(gemm(prefill, 'k')).toMatchObject({ m: 64, k: 4096, n: 1024 });
    expect(gemm(prefill, 'qk')).toMatchObject({ m: 4 * 64, k: 128, n: 64, count: 32 * 8 });
    expect(gemm(workload('llama-3-8b', 'decode', 1, 64), 'sv')).toMatchObject({ m: 4, k: 64, n: 128 });
  });

  it('of OPT-350M have its projections between widths', () => {
    const prefill = workload('opt-350m', 'prefill', 1, 16);
    expect(gemm(prefill, 'project_in')).toMatchObject({ m: 16, k: 512, n: 1024, count: 1 });
    expect(gemm(prefill, 'project_out')).toMatchObject({ m: 1, k: 1024, n: 512, count: 1 });
  });

  it('of BERT are an encoder and its classifier', () => {
    const prefill = workload('bert-base', 'prefill', 64, 128);
    expect(gemm(prefill, 'fc1')).toMatchObject({ m: 8192, k: 768, n: 3072, count: 12 });
    expect(gemm(prefill, 'pooler')).toMatchObject({ m: 64, k: 768, n: 768, count: 1 });
    expect(gemm(prefill, 'classifier')).toMatchObject({ m: 64, k: 768, n: 2 });
    expect(() => workload('bert-base', 'decode', 1, 128)).toThrow('has no decode phase');
  });

  it('of BART are an encoder, a decoder and its attention over the encoder', () => {
    const prefill = workload('bart-base', 'prefill', 2, 100);
    expect(prefill.gemms.map(({ site }) => site)).toEqual([
      ...['q', 'k', 'v', 'qk', 'sv', 'o', 'fc1', 'fc2'].map((site) => `encoder.${site}`),
      ...['q', 'k', 'v', 'qk', 'sv', 'o'].map((site) => `decoder.${site}`),
      ...['q', 'k', 'v', 'qk', 'sv', 'o'].map((site) => `cross.${site}`),
      'decoder.fc1',
      'decoder.fc2',
      'lm_head',
    ]);
    expect(gemm(prefill, 'encoder.fc1')).toMatchObject({ m: 200, k: 768, n: 3072, count: 6 });
    expect(gemm(prefill, 'cross.qk')).toMatchObject({ m: 100, k: 64, n: 100, count: 6 * 12 * 2 });
    const decode = workload('bart-base', 'decode', 2, 100);
    expect(gemm(decode, 'encoder.q')).toBeUndefined();
    expect(gemm(decode, 'cross.k')).toBeUndefined();
    expect(gemm(decode, 'cross.q')).toMatchObject({ m: 2 });
    expect(gemm(decode, 'cross.sv')).toMatchObject({ m: 1, k: 100, n: 64, count: 6 * 12 * 2 });
  });

  it('of a checkpoint folder are those of its config.json', () => {
    const text = readFileSync(new URL('../../models/demo-llama/config.json', import.meta.url), 'utf8');
    const config = JSON.parse(text);
    const prefill = modelWorkload('demo', config, { phase: 'prefill', batch: 1, sequence: 8 });
    expect(gemm(prefill, 'gate')).toMatchObject({ k: config.hidden_size, n: config.intermediate_size });
  });
});

describe('the shapes', () => {
  /** Published parameters in weight matrices: of layers, and the head where it is not the embeddings. */
  it.each([
    ['gpt2', 85e6 + 38.6e6],
    ['gpt2-xl', 1475e6 + 80.4e6],
    ['opt-6.7b', 6.65e9],
    ['opt-30b', 29.97e9],
    ['opt-66b', 65.7e9],
    ['opt-175b', 174.6e9],
    ['bloom-7b1', 7.07e9],
    ['llama-7b', 6.738e9 - 131e6],
    ['llama-30b', 32.53e9 - 213e6],
    ['llama-65b', 65.29e9 - 262e6],
    ['llama-2-70b', 68.98e9 - 262e6],
    ['llama-3-8b', 8.03e9 - 525e6],
    ['llama-3-70b', 70.55e9 - 1051e6],
    ['bert-large', 303e6],
    ['bart-base', 99e6 + 38.6e6],
  ])('%s has the published number of weights', (name, published) => {
    expect(weights(workload(name, 'prefill', 1, 1)) / published).toBeCloseTo(1, 2);
  });

  it('are read by the architectures, decode included, and have a source', () => {
    expect(Object.keys(SHAPES).length).toBeGreaterThanOrEqual(26);
    for (const [name, { source }] of Object.entries(SHAPES)) {
      expect(macs(workload(name, 'prefill', 1, 32))).toBeGreaterThan(0n);
      if (!name.startsWith('bert')) expect(macs(workload(name, 'decode', 1, 32))).toBeGreaterThan(0n);
      expect(source).toMatch(/20\d\d/);
    }
  });

  it('are found by other names and cases; a wrong one gets the nearest', () => {
    expect(findShape('llama-33b')).toBe(SHAPES['llama-30b']);
    expect(findShape('OPT-6.7B')).toBe(SHAPES['opt-6.7b']);
    expect(() => findShape('opt-6.7')).toThrow(InputError);
    try {
      findShape('opt-6.7');
    } catch (error) {
      expect((error as InputError).note).toContain('did you mean "opt-6.7b"?');
    }
    expect(() => findShape('toString')).toThrow('unknown shape');
  });
});

describe('bad sizes', () => {
  const config = findShape('gpt2').config;
  it.each([
    [{ batch: 0, sequence: 1 }, 'batch: expected a positive whole number'],
    [{ batch: 1, sequence: -4 }, 'sequence: expected a positive whole number'],
    [{ batch: 1.5, sequence: 4 }, 'batch: expected'],
    [{ batch: 2 ** 50, sequence: 1000 }, 'batch times sequence: expected'],
    [{ batch: 1, sequence: 1025 }, "sequence: expected at most the model's 1024 positions, found 1025"],
  ])('%j', (size, message) => {
    expect(() => modelWorkload('gpt2', config, { phase: 'prefill', ...size })).toThrow(message);
  });

  it('of a BART that is none', () => {
    const { d_model: _, ...rest } = findShape('bart-base').config;
    const options = { phase: 'prefill', batch: 1, sequence: 1 } as const;
    expect(() => modelWorkload('x', rest, options)).toThrow(InputError);
    expect(() =>
      modelWorkload('x', { ...findShape('bart-base').config, encoder_attention_heads: 7 }, options),
    ).toThrow('expected a divisor of d_model 768, found 7');
  });
});
