import * as z from 'zod';
import type { WeightAlgorithm } from '../datapath/plan.ts';
import { suggest } from '../errors.ts';
import { FORMATS } from '../formats/index.ts';
import { SITE_NAMES, type SiteName } from '../model/site.ts';
import { array, memory, protection, technology } from './hardware-schema.ts';
import { frequency } from './quantity.ts';
import { map, oneOf } from './schema-parts.ts';
import { settingsShape } from './settings-schema.ts';

/*
 * What a machine file may hold, key by key. What may stand beside what is in resolve.ts.
 *
 * Every `error` here is the phrase that follows "expected" in a message; a second line, if any, is the note that says
 * what to do.
 */

/**
 * Sites whose output another GEMM reads, so that a machine may hand it on encoded: queries and keys to qk, values to
 * sv, and the first half of the feed-forward part to its second half.
 */
export const REQUANTIZABLE = ['q', 'k', 'v', 'gate', 'up', 'fc1'] as const satisfies readonly SiteName[];

/** Sites that read a normalisation: SmoothQuant's factors fold into its gain, so smoothing them costs nothing. */
export const SMOOTHABLE = ['q', 'k', 'v', 'gate', 'up', 'fc1'] as const satisfies readonly SiteName[];

/** Sites with a weight: all but the attention products. */
export const WEIGHTED = SITE_NAMES.filter((name) => name !== 'qk' && name !== 'sv');

const WEIGHT_ALGORITHMS = [
  'awq',
  'awq-clip',
  'gptq',
  'gptq-activation-order',
  'rtn',
] as const satisfies readonly WeightAlgorithm[];

const settings = settingsShape();

const format = oneOf(Object.keys(FORMATS), 'a number format').meta({
  id: 'format',
  description: 'How the values are written in bits.',
});

/** `group:N`, or one of a few names. */
function granularity(
  names: readonly string[],
  expected: string,
  because?: (found: string) => string | undefined,
) {
  const known = [...names, 'group:N'];
  return z
    .string({ error: `${expected}\nknown: ${known.join(', ')}` })
    .regex(new RegExp(`^(${names.join('|')}|group:[1-9][0-9]{0,8})$`), {
      error: ({ input }) => {
        const size = /^group:\d+$/.test(String(input)) ? 'a group holds 1 to 999999999 values' : undefined;
        return `${expected}\n${because?.(String(input)) ?? size ?? suggest(String(input), known)}`;
      },
    });
}

const positive = { error: 'a positive number' };
const fixedScale = z.number(positive).positive(positive);

const weights = {
  granularity: granularity(['channel', 'tensor'], 'a granularity of weights')
    .describe(
      'Which weights share one scale: those of an output channel, all, or N along an input (group:N). ' +
        "The format's own by default; for integers an output channel.",
    )
    .optional(),
  algorithm: oneOf(WEIGHT_ALGORITHMS, 'a weight algorithm')
    .describe(
      'rtn: each weight to its nearest (the default). gptq: errors of a row make up for each other. ' +
        'awq: channels with large activations are scaled up first; awq-clip: and ranges are clipped by output error. ' +
        'gptq-activation-order: large channels first. All but rtn need calibration data.',
    )
    .optional(),
  scale: fixedScale.describe('One scale for everything, instead of one from the weights.').optional(),
  ...settings,
};
const activations = {
  granularity: granularity(['tensor', 'token'], 'a granularity of activations', (found) =>
    found === 'channel'
      ? 'channels are summed over, so they cannot differ in scale: tensor or token'
      : undefined,
  )
    .describe(
      'Which activations share one scale: those of a token, all, or N along a token (group:N). ' +
        "The format's own by default; for integers a token.",
    )
    .optional(),
  scale: z
    .union([oneOf(['dynamic', 'static'], 'a kind of scale'), fixedScale], {
      error: ({ input }) =>
        typeof input === 'string'
          ? `a kind of scale\n${suggest(input, ['dynamic', 'static'])}`
          : 'a kind of scale (dynamic, static) or a positive number',
    })
    .describe(
      'dynamic: from the values themselves (the default). static: from calibration data, beforehand. A number: that.',
    )
    .optional(),
  ...settings,
};

const weightsOf = z.strictObject({ format, ...weights }, map).describe('Encoding of the weights.');
const activationsOf = z
  .strictObject({ format, ...activations }, map)
  .describe('Encoding of the activations: in qk and sv, of both operands.');

const operands = z
  .strictObject({ weights: weightsOf, activations: activationsOf }, map)
  .describe('How the operands of every GEMM are encoded.');

const accumulator = oneOf(['float32', 'int32'], 'the type of the accumulator')
  .describe(
    'Type of the sums: int32 for integers up to ±127 and outlier formats with a scale a row and an output channel, ' +
      'else float32. Follows from the operands.',
  )
  .optional();

const activationsOverride = z.strictObject({ format: format.optional(), ...activations }, map).optional();

const site = z
  .strictObject(
    {
      weights: z.strictObject({ format: format.optional(), ...weights }, map).optional(),
      activations: activationsOverride,
      accumulator,
    },
    map,
  )
  .meta({
    id: 'site',
    description:
      'What this site does otherwise than `operands`. An encoding that names a format stands alone.',
  });

const attentionSite = z.strictObject({ activations: activationsOverride, accumulator }, map).meta({
  id: 'attentionSite',
  description: 'What this product of two activations does otherwise than `operands`.',
});

/** Products of two activations, which have no weights. */
export const ATTENTION_SITES = ['qk', 'sv'] as const satisfies readonly SiteName[];
type AttentionSite = (typeof ATTENTION_SITES)[number];

const sites: Record<Exclude<SiteName, AttentionSite>, z.ZodOptional<typeof site>> &
  Record<AttentionSite, z.ZodOptional<typeof attentionSite>> = {
  ...eachOf(SITE_NAMES, site.optional()),
  ...eachOf(ATTENTION_SITES, attentionSite.optional()),
};

function eachOf<Name extends string, T>(names: readonly Name[], value: T): Record<Name, T> {
  return Object.fromEntries(names.map((name) => [name, value])) as Record<Name, T>;
}

const siteNote = (found: string) =>
  found === 'sv'
    ? "the output of sv is re-quantised as o's operand, by the activations of o; " +
      `here belong ${REQUANTIZABLE.join(', ')}`
    : undefined;

/** The machine file. */
export const machineSchema = z
  .strictObject(
    {
      name: z
        .string({ error: 'a name' })
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
          error: 'a name of 1 to 64 letters, digits, ".", "_" or "-"',
        })
        .describe('Name in tables and results.'),
      description: z
        .string({ error: 'a text' })
        .regex(/^[^\p{Cc}]{1,500}\n?$/u, { error: 'a text of 1 to 500 characters on one line' })
        .describe('One line on what the machine is and where it comes from.')
        .optional(),
      extends: z
        .string({ error: 'the name of a preset or the path of a machine file' })
        .min(1, { error: 'the name of a preset or the path of a machine file' })
        .describe('A preset, or a file beside this one, whose keys hold where this file has none.')
        .optional(),
      operands,
      accumulator,
      requantize: z
        .array(oneOf(REQUANTIZABLE, 'a site whose output another GEMM reads', siteNote), {
          error: 'a list of sites',
        })
        .describe(
          'Sites whose output goes on in the format of their activations, because another GEMM reads it. None by default.',
        )
        .optional(),
      smoothquant: z
        .strictObject(
          {
            alpha: z
              .number({ error: 'a number from 0 to 1' })
              .min(0, { error: 'a number from 0 to 1' })
              .max(1, { error: 'a number from 0 to 1' })
              .describe('How far outliers move from activations (0) into weights (1).')
              .default(0.5),
            sites: z
              .array(oneOf(SMOOTHABLE, 'a site that reads a normalisation'), { error: 'a list of sites' })
              .describe(
                'Sites that are smoothed; by default all that read a normalisation and compute in formats with scales.',
              )
              .optional(),
          },
          map,
        )
        .describe('SmoothQuant migration of activation outliers into weights, before both are encoded.')
        .optional(),
      hadamard: z
        .array(oneOf(WEIGHTED, 'a site with a weight'), { error: 'a list of sites' })
        .describe('Sites whose input channels are rotated by a Hadamard matrix before encoding (QuaRot).')
        .optional(),
      mixed: z
        .strictObject(
          {
            share: z
              .number({ error: 'a number from 0 to 1' })
              .min(0, { error: 'a number from 0 to 1' })
              .max(1, { error: 'a number from 0 to 1' })
              .describe(
                'Share of the layers (of each a site) that compute in these formats: those with the largest error.',
              ),
            weights: weightsOf,
            activations: activationsOf,
          },
          map,
        )
        .describe("Wider formats for the layers with the largest error (OliVe's mixed precision).")
        .optional(),
      sites: z.strictObject(sites, map).describe('Exceptions from `operands`, by GEMM site.').optional(),
      array: array.optional(),
      clock: frequency.describe('Clock frequency of the array: a number and Hz, kHz, MHz or GHz.').optional(),
      memory: memory.optional(),
      technology: technology.optional(),
      protection: protection.optional(),
    },
    { error: 'a map with the keys of a machine file' },
  )
  .describe('A machine: how it computes the matrix products of a language model.');

/** A machine file whose every key is well formed; combinations are not checked yet. */
export type MachineFile = z.output<typeof machineSchema>;

/**
 * The schema for editors (JSON Schema 2020-12), committed as machines/machine.schema.json. A file that extends another
 * may leave out what the other has, so here only the name is required, and operands without `extends`.
 */
export function machineJsonSchema(): object {
  const { required: _, ...schema } = z.toJSONSchema(machineSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if ([operands, weightsOf, activationsOf].some((partial) => partial === zodSchema))
        delete jsonSchema.required;
    },
  });
  const alone = [{ required: ['name', 'operands'] }, { required: ['name', 'extends'] }];
  return { title: 'tapeout machine file', ...schema, anyOf: alone };
}
