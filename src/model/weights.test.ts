import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inputErrorOf, temporaryFolder } from '../../test/checkpoint-files.ts';
import { goldenPath } from '../../test/golden.ts';
import { openCheckpoint } from '../checkpoint/index.ts';
import { createDatapath, REFERENCE_PLAN } from '../datapath/index.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import { describeModel, WeightLoader } from './index.ts';

/** A copy of a golden checkpoint with its config or its weights changed, loaded. */
async function load(change: {
  config?: (config: Record<string, unknown>) => void;
  bytes?: (bytes: Buffer) => Buffer;
}): Promise<unknown> {
  const folder = await temporaryFolder();
  await cp(goldenPath('models/llama'), folder, { recursive: true });
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  change.config?.(config);
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  const weights = join(folder, 'model.safetensors');
  if (change.bytes) await writeFile(weights, change.bytes(await readFile(weights)));
  const checkpoint = await openCheckpoint(folder);
  try {
    const { architecture, config: parsed } = describeModel(checkpoint);
    const kernels = await createKernels();
    const gemm = await createGemm(kernels, { backend: 'webassembly', threads: 1 });
    const datapath = createDatapath(kernels, gemm, REFERENCE_PLAN);
    return await new WeightLoader(checkpoint, datapath, architecture, parsed).resident();
  } finally {
    await checkpoint.close();
  }
}

/** Replaces text of the header by text of the same length. */
function inHeader(from: string, to: string): (bytes: Buffer) => Buffer {
  return (bytes) => {
    expect(to.length).toBe(from.length);
    const text = bytes.toString('latin1');
    expect(text).toContain(from);
    return Buffer.from(text.replace(from, to), 'latin1');
  };
}

describe('checkpoints that do not fit', () => {
  it('an unknown architecture lists the known ones', async () => {
    const error = await inputErrorOf(
      load({ config: (config) => Object.assign(config, { model_type: 'lama' }) }),
    );
    expect(error).toContain('config.json: model_type: unknown architecture "lama"');
    expect(error).toContain('did you mean "llama"?');
    for (const known of ['bert', 'bloom', 'gpt2', 'llama', 'mistral', 'opt', 'qwen2', 'qwen3'])
      expect(error).toContain(known);
  });

  it('a wrong shape names tensor, expected and found', async () => {
    const error = await inputErrorOf(load({ config: (config) => Object.assign(config, { vocab_size: 98 }) }));
    expect(error).toMatch(
      /model\.embed_tokens\.weight: expected shape \[98,\d+\] as config\.json says, found \[97,\d+\]/,
    );
  });

  it('a missing tensor is named', async () => {
    const error = await inputErrorOf(
      load({ bytes: inHeader('layers.1.mlp.up_proj', 'layers.1.mlp.UP_proj') }),
    );
    expect(error).toContain('the checkpoint has no tensor "model.layers.1.mlp.up_proj.weight" of shape');
    expect(error).toContain('did you mean "model.layers.1.mlp.UP_proj.weight"?');
  });

  it('NaN weights name tensor and element', async () => {
    const error = await inputErrorOf(
      load({
        bytes(bytes) {
          // The last four bytes are an element of the last tensor.
          bytes.writeFloatLE(Number.NaN, bytes.length - 4);
          return bytes;
        },
      }),
    );
    expect(error).toMatch(/element \d+ is NaN; expected finite numbers/);
  });

  it.each([
    ['a negative size', { hidden_size: -64 }, 'hidden_size'],
    ['a huge size', { intermediate_size: 2 ** 40 }, 'intermediate_size'],
    ['text for a number', { num_hidden_layers: 'two' }, 'num_hidden_layers'],
    ['heads that do not divide', { num_key_value_heads: 3 }, 'num_key_value_heads'],
    ['an unknown activation', { hidden_act: 'sine' }, 'hidden_act'],
    [
      'an unknown rope',
      { rope_scaling: { rope_type: 'spiral', factor: 2 }, rope_parameters: undefined },
      'rope_scaling.rope_type',
    ],
  ])('%s in config.json names the key', async (_, change, key) => {
    const error = await inputErrorOf(load({ config: (config) => Object.assign(config, change) }));
    expect(error).toContain(`config.json: ${key}: `);
  });
});
