import { z } from 'zod';
import { InputError } from '../errors.ts';
import { attentionGemms } from './attention.ts';
import type { WorkloadGemm } from './contract.ts';
import type { WorkloadOptions } from './workload.ts';

const size = z
  .int()
  .min(1)
  .max(2 ** 26);

/** What decides the sizes of a BART: an encoder, and a decoder that attends to the encoder's output. */
const schema = z.object({
  d_model: size,
  encoder_layers: size.max(2000),
  decoder_layers: size.max(2000),
  encoder_attention_heads: size.max(4096),
  decoder_attention_heads: size.max(4096),
  encoder_ffn_dim: size,
  decoder_ffn_dim: size,
  vocab_size: size,
  max_position_embeddings: size,
});

/**
 * The GEMMs of BART, sites prefixed by where they stand: `encoder.q`, `decoder.q`, `cross.q` (the decoder's attention over
 * the encoder's output).
 *
 * prefill  the encoder over `sequence` source tokens, and the decoder over as many target tokens at once, as in training
 *          and classification; cross.k and cross.v once for each source token
 * decode   one token of the decoder: `sequence` tokens in its own cache, and as many source tokens, whose cross.k and cross.v
 *          are in the cache too
 */
export function bartGemms(
  json: Record<string, unknown>,
  { phase, batch, sequence }: WorkloadOptions,
  checkContext: (positions: number) => void,
): WorkloadGemm[] {
  const result = schema.safeParse(json);
  if (!result.success) {
    const { message, path } = result.error.issues[0]!;
    throw new InputError(message, { place: { file: 'config.json', key: path.join('.') } });
  }
  const config = result.data;
  const { d_model: hidden } = config;
  for (const key of ['encoder_attention_heads', 'decoder_attention_heads'] as const) {
    if (hidden % config[key] === 0) continue;
    throw new InputError(`expected a divisor of d_model ${hidden}, found ${config[key]}`, {
      place: { file: 'config.json', key },
    });
  }
  checkContext(config.max_position_embeddings);

  const prefill = phase === 'prefill';
  const queries = prefill ? sequence : 1;
  const tokens = batch * queries;
  const project = (site: string, k: number, n: number, count: number): WorkloadGemm => ({
    site,
    m: tokens,
    k,
    n,
    count,
    weight: true,
  });
  const attention = (part: string, layers: number, heads: number, projected: string) => {
    const headSize = hidden / heads;
    const products = attentionGemms({ queries, keys: sequence, headSize, count: layers * heads * batch });
    return [
      ...[...projected].map((site) => project(`${part}.${site}`, hidden, hidden, layers)),
      ...products.map((gemm) => ({ ...gemm, site: `${part}.${gemm.site}` })),
      project(`${part}.o`, hidden, hidden, layers),
    ];
  };
  const feedForward = (part: string, layers: number, inner: number) => [
    project(`${part}.fc1`, hidden, inner, layers),
    project(`${part}.fc2`, inner, hidden, layers),
  ];

  const { encoder_layers: encoder, decoder_layers: decoder, decoder_attention_heads: heads } = config;
  return [
    ...(prefill
      ? [
          ...attention('encoder', encoder, config.encoder_attention_heads, 'qkv'),
          ...feedForward('encoder', encoder, config.encoder_ffn_dim),
        ]
      : []),
    ...attention('decoder', decoder, heads, 'qkv'),
    ...attention('cross', decoder, heads, prefill ? 'qkv' : 'q'),
    ...feedForward('decoder', decoder, config.decoder_ffn_dim),
    { ...project('lm_head', hidden, config.vocab_size, 1), m: batch },
  ];
}
