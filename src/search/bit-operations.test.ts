import { describe, expect, it } from 'vitest';
import { REFERENCE_PLAN } from '../datapath/index.ts';
import { describeModel } from '../model/index.ts';
import { bitOperations, saving, workOf } from './bit-operations.ts';
import { SITE_CLASSES, sizeClasses } from './site-classes.ts';
import { readVariation, settingChoices, type Variation } from './variation.ts';

const ANDA: Variation = {
  name: 'activations.mantissa',
  operands: ['activations'],
  choices: settingChoices('anda', 'mantissa', {}, { min: 1, max: 16 }),
};

/** Sizes as in the models' public config.json. */
const opt = (layers: number, hidden: number, heads: number) => ({
  model_type: 'opt',
  hidden_size: hidden,
  ffn_dim: 4 * hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  vocab_size: 50272,
});
const llama = (layers: number, hidden: number, heads: number, intermediate: number) => ({
  model_type: 'llama',
  hidden_size: hidden,
  intermediate_size: intermediate,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  vocab_size: 32000,
  rms_norm_eps: 1e-6,
  max_position_embeddings: 2048,
});

/** Anda (HPCA 2025), Table II, WikiText-2: M of qkv, o, u, d and the BOPs saved, for a loss of 0.1 % and of 1 %. */
const TABLE_II: [string, object, [number[], number][]][] = [
  [
    'OPT-1.3B',
    opt(24, 2048, 32),
    [
      [[8, 6, 5, 5], 2.74],
      [[8, 5, 5, 4], 2.95],
    ],
  ],
  [
    'OPT-2.7B',
    opt(32, 2560, 32),
    [
      [[7, 5, 5, 5], 2.91],
      [[6, 5, 5, 4], 3.25],
    ],
  ],
  [
    'OPT-6.7B',
    opt(32, 4096, 32),
    [
      [[7, 5, 5, 4], 3.1],
      [[6, 4, 5, 4], 3.31],
    ],
  ],
  [
    'LLaMA-7B',
    llama(32, 4096, 32, 11008),
    [
      [[9, 8, 8, 7], 1.99],
      [[7, 6, 6, 6], 2.56],
    ],
  ],
  [
    'LLaMA2-7B',
    llama(32, 4096, 32, 11008),
    [
      [[9, 7, 8, 8], 1.96],
      [[7, 6, 6, 6], 2.56],
    ],
  ],
  [
    'OPT-13B',
    opt(40, 5120, 40),
    [
      [[7, 6, 5, 5], 2.86],
      [[6, 6, 5, 4], 3.2],
    ],
  ],
  [
    'LLaMA-13B',
    llama(40, 5120, 40, 13824),
    [
      [[10, 8, 8, 8], 1.88],
      [[7, 5, 6, 6], 2.59],
    ],
  ],
  [
    'LLaMA2-13B',
    llama(40, 5120, 40, 13824),
    [
      [[10, 10, 8, 9], 1.8],
      [[7, 7, 6, 7], 2.44],
    ],
  ],
  [
    'OPT-30B',
    opt(48, 7168, 56),
    [
      [[7, 5, 5, 4], 3.1],
      [[6, 4, 5, 4], 3.31],
    ],
  ],
];

function workOfConfig(config: object, variation = ANDA) {
  const model = { name: 'model', ...describeModel({ name: 'model', config: { ...config } }) };
  return workOf(sizeClasses(SITE_CLASSES, model), REFERENCE_PLAN, variation);
}

describe('bit operations', () => {
  it('of a multiply-accumulate are the product of the widths: FP16 x INT4 64, Anda x INT4 4·M', () => {
    const int4 = [{ name: 'qkv', weight: 4 }];
    expect(bitOperations(int4, [16], ANDA)).toBe(64);
    expect(bitOperations(int4, [7], ANDA)).toBe(28);
    expect(bitOperations([{ name: 'qkv', weight: 1 }], [8], { operands: ['weights', 'activations'] })).toBe(
      64,
    );
  });

  it.each(TABLE_II)('of %s are those of Table II', (_, config, rows) => {
    const work = workOfConfig(config);
    const { hidden_size: h, ffn_dim, intermediate_size } = config as Record<string, number>;
    const f = ffn_dim ?? intermediate_size!;
    // qkv : o : up (and gate) : down as published.
    const published = [3 * h! * h!, h! * h!, (ffn_dim ? 1 : 2) * h! * f, h! * f];
    const total = published.reduce((sum, macs) => sum + macs, 0);
    for (const [combination, saved] of rows) {
      const bops = bitOperations(work, combination, ANDA);
      const ours = saving(work, bops, ANDA);
      const mean = combination.reduce((sum, width, i) => sum + width * published[i]!, 0) / total;
      expect(ours).toBeCloseTo(16 / mean, 12);
      expect(Math.abs(ours - saved)).toBeLessThanOrEqual(0.01);
    }
  });

  it('count keys and values that several heads share once', () => {
    const config = { ...llama(2, 64, 8, 128), num_key_value_heads: 2 };
    const [qkv] = workOfConfig(config);
    // float32 weights: 32 bits. q is 64 x 64, k and v are 64 x 16.
    expect(qkv!.weight).toBe(2 * 32 * (64 * 64 + 2 * 64 * 16));
  });

  it('of both operands grow with the square of the width', () => {
    const both = readVariation({ vary: 'operands.format', formats: ['int8', 'float16'] });
    const work = workOfConfig(opt(1, 64, 4), both);
    expect(work.map(({ weight }) => weight)).toEqual([3 * 4096, 4096, 4 * 4096, 4 * 4096]);
    expect(saving(work, bitOperations(work, [8, 8, 8, 8], both), both)).toBe(4);
  });
});
