import { z } from 'zod';
import { InputError, nearest } from '../errors.ts';

/** Sizes that every architecture has. Each architecture adds its own fields. */
export interface ModelConfig {
  layers: number;
  /** Width of the residual stream. */
  hidden: number;
  heads: number;
  keyValueHeads: number;
  headSize: number;
  /** Inner width of the feed-forward part. */
  intermediate: number;
  vocabulary: number;
  /** Most tokens of a sequence. */
  context: number;
  /** Classes of an encoder's head. */
  labels?: number;
  /** Added to a variance before its square root. */
  epsilon: number;
}

/** Sizes come from files that nobody checked: whole, positive, and small enough that products stay exact. */
export const size = z
  .int()
  .min(1)
  .max(2 ** 26);
export const layerCount = z.int().min(1).max(2000);
export const headCount = z.int().min(1).max(4096);
/** Largest size of a head: position tables are made from it before any tensor is seen. */
export const MAX_HEAD_SIZE = 8192;
export const epsilon = z.number().positive().max(1);

/** Activation functions by the names that config files use. */
export const ACTIVATIONS = [
  'gelu',
  'gelu_fast',
  'gelu_new',
  'gelu_pytorch_tanh',
  'relu',
  'silu',
  'swish',
  'tanh',
] as const;
export const activation = z.enum(ACTIVATIONS);
export type Activation = z.infer<typeof activation>;

/** Parses config.json against a schema that ignores keys it does not know; the first mistake becomes an InputError. */
export function readConfig<T>(schema: z.ZodType<T>, config: Record<string, unknown>): T {
  const result = schema.safeParse(withoutNulls(config));
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const key = issue.path.join('.');
  const value = issue.path.reduce<unknown>(
    (node, part) => (node as Record<PropertyKey, unknown>)?.[part],
    config,
  );
  const near = value === undefined ? nearest(key, Object.keys(config)) : undefined;
  throw new InputError(`${issue.message}; found ${JSON.stringify(value)?.slice(0, 80) ?? 'nothing'}`, {
    place: { file: 'config.json', key },
    ...(near ? { note: `the file has a key "${near}"` } : {}),
  });
}

/** Python's None means that a key's default holds. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]));
}

/** Heads that divide the residual stream among them, each with keys and values of its own. `key` names their number. */
export function equalHeads(hidden: number, heads: number, key: string) {
  requireConfig(hidden % heads === 0, key, `expected a divisor of the hidden size ${hidden}, found ${heads}`);
  return { heads, keyValueHeads: heads, headSize: hidden / heads };
}

/** Throws unless a condition between keys of config.json holds. */
export function requireConfig(condition: boolean, key: string, message: string): void {
  if (!condition) throw new InputError(message, { place: { file: 'config.json', key } });
}
