import { totalmem } from 'node:os';
import type { Tokenizer } from '../checkpoint/index.ts';
import { needsCalibration, REFERENCE_PLAN } from '../datapath/index.ts';
import { InputError } from '../errors.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import type { Machine } from '../machine/index.ts';
import { type GenerateOptions, generate, type Model } from '../model/index.ts';
import { readDataset } from './data.ts';
import { demoData } from './demo.ts';
import { wholeText } from './documents.ts';
import type { LoadedModel } from './load.ts';
import type { Backend } from './pool.ts';
import { calibrate, instantiate, prepareModel } from './prepare.ts';
import { startTokens } from './sequences.ts';

export interface GenerateTextOptions extends Omit<GenerateOptions, 'stop'> {
  backend?: Backend | undefined;
  /** Bytes that weights may take before they are streamed; default: half of the machine's memory. */
  memory?: number | undefined;
  /** A .txt file for static scales and smoothing; default: the demo text. */
  calibration?: string | undefined;
  onLayer?: ((done: number, total: number) => void) | undefined;
}

/**
 * Continues a prompt on a machine and yields the text as it comes, the prompt not included.
 *
 * @throws InputError for an encoder, and for a prompt that leaves no room in the context
 */
export async function* generateText(
  model: LoadedModel,
  machine: Machine,
  prompt: string,
  options: GenerateTextOptions,
): AsyncGenerator<string> {
  const { tokenizer, config, architecture, checkpoint } = model;
  if (architecture.kind === 'encoder') {
    throw new InputError(`${checkpoint.name} is an encoder (${architecture.name}); it cannot generate`, {
      note: 'choose a decoder, such as demo-llama',
    });
  }
  const ids = [
    ...startTokens(tokenizer),
    ...(prompt === '' ? [] : tokenizer.encode(prompt, { special: false })),
  ];
  if (ids.length === 0) throw new InputError('the model has no BOS token to start from; give a --prompt');
  if (ids.length >= config.context) {
    throw new InputError(`the prompt's ${ids.length} tokens fill the context of ${config.context}`);
  }
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: options.backend ?? 'auto', threads: 1 });
  const prepareOptions = { memory: options.memory ?? totalmem() / 2, onLayer: options.onLayer };
  let calibration: Awaited<ReturnType<typeof calibrate>> | undefined;
  if (needsCalibration(machine.plan)) {
    const reference = await prepareModel(model, REFERENCE_PLAN, undefined, kernels, gemm, prepareOptions);
    const text = wholeText(await readDataset(options.calibration ?? demoData('perplexity', 'decoder')), {});
    const tokens = [...startTokens(tokenizer), ...tokenizer.encode(text, { special: false })];
    calibration = await calibrate(reference, [{ tokens: tokens.slice(0, config.context) }], kernels, gemm);
  }
  const prepared = await prepareModel(model, machine.plan, calibration, kernels, gemm, prepareOptions);
  const runnable = await instantiate(prepared, kernels, gemm);
  try {
    yield* decode(runnable.model, tokenizer, ids, options);
  } finally {
    await runnable.close();
  }
}

/** Token by token, but text only where it is whole: a character may take several tokens. */
async function* decode(
  model: Model,
  tokenizer: Tokenizer,
  ids: number[],
  options: GenerateTextOptions,
): AsyncGenerator<string> {
  const written: number[] = [];
  let shown = tokenizer.decode(ids);
  for await (const token of generate(model, ids, { ...options, stop: tokenizer.eos })) {
    written.push(token);
    const text = tokenizer.decode([...ids, ...written]);
    if (text.endsWith('\uFFFD')) continue;
    yield text.slice(shown.length);
    shown = text;
  }
}
