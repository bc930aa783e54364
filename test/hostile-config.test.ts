import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InputError } from '../src/errors.ts';
import { describeModel } from '../src/model/index.ts';

const KEYS = [
  'hidden_size',
  'n_embd',
  'n_embed',
  'intermediate_size',
  'ffn_dim',
  'num_hidden_layers',
  'n_layer',
  'num_attention_heads',
  'n_head',
  'num_key_value_heads',
  'head_dim',
  'vocab_size',
  'max_position_embeddings',
  'rope_theta',
  'rope_scaling',
  'rope_parameters',
  'sliding_window',
  'layer_types',
  'id2label',
  'hidden_act',
  'activation_function',
  'rms_norm_eps',
  'tie_word_embeddings',
  'quantization_config',
];

it('config.json with any values is read or refused with an InputError, in bounded time and memory', () => {
  const number = fc.oneof(
    fc.integer(),
    fc.constantFrom(0, 1, 2 ** 26, 2 ** 31, 1e300, -1, 0.5),
    fc.integer({ min: 1, max: 4096 }),
  );
  const value = fc.oneof({ weight: 3, arbitrary: number }, { weight: 1, arbitrary: fc.jsonValue() });
  const config = fc.tuple(
    fc.constantFrom('llama', 'mistral', 'qwen2', 'qwen3', 'opt', 'gpt2', 'bloom', 'bert', 'other'),
    fc.dictionary(fc.constantFrom(...KEYS), value),
  );
  fc.assert(
    fc.property(config, ([type, rest]) => {
      try {
        const { config: parsed } = describeModel({ name: 'fuzz', config: { ...rest, model_type: type } });
        expect(parsed.heads * parsed.headSize).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }),
    { numRuns: 2000, endOnFailure: true },
  );
}, 20_000);

it.each([
  ['heads', { model_type: 'bloom', n_layer: 1, n_head: 2 ** 26, hidden_size: 2 ** 26, vocab_size: 10 }],
  [
    'a head size',
    {
      model_type: 'llama',
      hidden_size: 64,
      intermediate_size: 64,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      head_dim: 2 ** 26,
      vocab_size: 10,
    },
  ],
])('a huge number of %s is refused at once', (_, config) => {
  const start = performance.now();
  expect(() => describeModel({ name: 'hostile', config })).toThrow(InputError);
  expect(performance.now() - start).toBeLessThan(1000);
});

it('a checkpoint that is already quantised is refused', () => {
  const config = { model_type: 'llama', quantization_config: { quant_method: 'bitsandbytes' } };
  expect(() => describeModel({ name: 'quantised', config })).toThrow('already quantised (bitsandbytes)');
});
