import type { Tokenizer } from '../checkpoint/index.ts';
import { type Calibration, needsCalibration, REFERENCE_PLAN, wantsOf } from '../datapath/index.ts';
import { InputError } from '../errors.ts';
import { createGemm, createKernels } from '../kernels/index.ts';
import type { Machine } from '../machine/index.ts';
import { type GenerateOptions, generate, type Model } from '../model/index.ts';
import type { LoadedModel } from './load.ts';
import type { Backend } from './pool.ts';
import { calibrate, defaultMemory, instantiate, prepareModel } from './prepare.ts';
import { prepareByLayers } from './prepare-layers.ts';
import { type RunRecord, recordOf } from './record.ts';
import { startTokens } from './sequences.ts';
import { calibrationSequences } from './task.ts';

export interface GenerateTextOptions extends Omit<GenerateOptions, 'stops'> {
  /** Start from BOS where the model has one; default: true. */
  bos?: boolean | undefined;
  backend?: Backend | undefined;
  /** Bytes that weights may take before they are streamed; default: half of the memory. */
  memory?: number | undefined;
  /** A text file for static scales and smoothing; default: the demo text. */
  calibration?: string | undefined;
  onLayer?: ((done: number, total: number) => void) | undefined;
}

/** A text as it is being generated. */
export interface Generation {
  /** The text in pieces as they come, the prompt not included. To be read once, to its end or a `return`. */
  pieces: AsyncGenerator<string>;
  /** Tokens generated so far. */
  tokens: number;
  record: RunRecord;
}

/**
 * Continues a prompt on a machine.
 *
 * @throws InputError for an encoder, and for a prompt that leaves no room in the context
 */
export async function generateText(
  model: LoadedModel,
  machine: Machine,
  prompt: string,
  options: GenerateTextOptions,
): Promise<Generation> {
  const { tokenizer, checkpoint } = model;
  const ids = promptTokens(model, prompt, options.bos ?? true);
  const kernels = await createKernels();
  const gemm = await createGemm(kernels, { backend: options.backend ?? 'auto', threads: 1 });
  const prepareOptions = { memory: options.memory ?? defaultMemory(), onLayer: options.onLayer };
  const data = needsCalibration(machine.plan)
    ? await calibrationSequences(model, { data: options.calibration })
    : undefined;
  const { wants, byLayer } = wantsOf(machine.plan);
  let statistics: Calibration | undefined;
  if (data && !byLayer) {
    const reference = await prepareModel(model, REFERENCE_PLAN, undefined, kernels, gemm, prepareOptions);
    statistics = await calibrate(reference, data.sequences, kernels, gemm, wants);
  }
  const prepared = byLayer
    ? await prepareByLayers(model, machine.plan, data!.sequences, kernels, gemm, prepareOptions)
    : await prepareModel(model, machine.plan, statistics, kernels, gemm, prepareOptions);
  const record = recordOf(model, machine, {
    sha256: await checkpoint.hash(),
    kernel: gemm.description,
    calibration: data?.source,
  });
  const runnable = await instantiate(prepared, kernels, gemm);
  const generation: Generation = { pieces: pieces(), tokens: 0, record };
  async function* pieces(): AsyncGenerator<string> {
    try {
      yield* decode(runnable.model, tokenizer, ids, options, generation);
    } finally {
      await runnable.close();
    }
  }
  return generation;
}

function promptTokens(
  { tokenizer, config, architecture, checkpoint }: LoadedModel,
  prompt: string,
  bos: boolean,
): number[] {
  if (architecture.kind === 'encoder') {
    throw new InputError(`${checkpoint.name} is an encoder (${architecture.name}); it cannot generate`, {
      note: 'choose a decoder, such as demo-llama',
    });
  }
  const ids = [
    ...(bos ? startTokens(tokenizer) : []),
    ...(prompt === '' ? [] : tokenizer.encode(prompt, { special: false })),
  ];
  if (ids.length === 0) throw new InputError('nothing to start from, no BOS token: give a --prompt');
  if (ids.length >= config.context) {
    throw new InputError(`the prompt's ${ids.length} tokens fill the context of ${config.context}`);
  }
  return ids;
}

/** Token by token, but text only where it is whole: a character may take several tokens. */
async function* decode(
  model: Model,
  tokenizer: Tokenizer,
  ids: number[],
  options: GenerateTextOptions,
  generation: Generation,
): AsyncGenerator<string> {
  const written: number[] = [];
  let shown = tokenizer.decode(ids);
  for await (const token of generate(model, ids, { ...options, stops: tokenizer.stops })) {
    written.push(token);
    generation.tokens = written.length;
    const text = tokenizer.decode([...ids, ...written]);
    if (text.endsWith('\uFFFD')) continue;
    yield text.slice(shown.length);
    shown = text;
  }
}
