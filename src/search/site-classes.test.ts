import { describe, expect, it } from 'vitest';
import { inputErrorOf } from '../../test/checkpoint-files.ts';
import { describeModel } from '../model/index.ts';
import { readClasses, SITE_CLASSES, sizeClasses } from './site-classes.ts';

const message = (read: () => unknown) => inputErrorOf((async () => read())());

describe('classes', () => {
  it('are those of Anda, or the user’s own', () => {
    expect(readClasses(['qkv', 'o', 'u', 'd'])).toEqual(SITE_CLASSES);
    expect(readClasses(['d', 'attention=q,k,v,o'])).toEqual([
      { name: 'd', sites: ['down', 'fc2'] },
      { name: 'attention', sites: ['q', 'k', 'v', 'o'] },
    ]);
  });

  it.each([
    [['qkb'], 'unknown class "qkb"\n  did you mean "qkv"?'],
    [['a=q,fc3'], 'class a: unknown site "fc3"\n  did you mean "fc1"?'],
    [['a=qk'], 'qk multiplies two activations'],
    [['a='], 'unknown site ""'],
    [['a b=q'], 'expected a class name'],
    [['o', 'o'], 'class "o" comes twice'],
    [['qkv', 'a=k'], 'site "k" belongs to one class only'],
    [[], 'expected at least one class'],
  ])('%j: %s', async (texts, expected) => {
    expect(await message(() => readClasses(texts))).toContain(expected);
  });

  it('a model without the sites of a class is bad input', async () => {
    const config = {
      model_type: 'opt',
      hidden_size: 8,
      ffn_dim: 8,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      vocab_size: 8,
    };
    const model = { name: 'tiny', ...describeModel({ name: 'tiny', config }) };
    const found = await message(() => sizeClasses(readClasses(['qkv', 'x=gate,pooler']), model));
    expect(found).toContain('class x: tiny has none of gate, pooler');
    expect(found).toContain('it has the sites q, k, v, o, fc1, fc2, lm_head');
  });
});
