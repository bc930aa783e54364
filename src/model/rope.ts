import { z } from 'zod';
import { requireConfig, size } from './config.ts';

const positive = z.number().positive();

/** Rotary position embedding as config files describe it. */
export const ropeScaling = z.object({
  rope_type: z.string().optional(),
  /** The key's name before transformers 4.43. */
  type: z.string().optional(),
  rope_theta: positive.optional(),
  factor: positive.optional(),
  low_freq_factor: positive.optional(),
  high_freq_factor: positive.optional(),
  original_max_position_embeddings: size.optional(),
});

const ROPE_TYPES = ['default', 'linear', 'llama3'];

/**
 * Angles a position: one frequency for each pair of a head's values, float32 as transformers computes them.
 * `linear` divides all by the factor; `llama3` leaves short wavelengths, divides long ones and blends between
 * (LLaMA 3.1; transformers' modeling_rope_utils).
 */
export function ropeFrequencies(
  headSize: number,
  theta: number,
  scaling: z.infer<typeof ropeScaling> | undefined,
): Float32Array {
  const type = scaling?.rope_type ?? scaling?.type ?? 'default';
  requireConfig(
    ROPE_TYPES.includes(type),
    'rope_scaling.rope_type',
    `rope type "${type}" is not supported; known: ${ROPE_TYPES.join(', ')}`,
  );
  const frequencies = new Float32Array(headSize / 2);
  for (let i = 0; i < frequencies.length; i++)
    frequencies[i] = 1 / Math.fround(theta ** ((2 * i) / headSize));
  if (type === 'default') return frequencies;
  const factor = scaling?.factor ?? 1;
  if (type === 'linear') return frequencies.map((frequency) => frequency / factor);

  const low = scaling?.low_freq_factor ?? 1;
  const high = scaling?.high_freq_factor ?? 4;
  const original = scaling?.original_max_position_embeddings ?? 8192;
  requireConfig(
    high > low,
    'rope_scaling.high_freq_factor',
    `expected more than low_freq_factor ${low}, found ${high}`,
  );
  return frequencies.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength > original / low) return frequency / factor;
    if (wavelength < original / high) return frequency;
    const smooth = (original / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** Cosines and sines [rows, frequencies] of positions start, start + 1, … */
export function ropeTables(frequencies: Float32Array, start: number, rows: number) {
  const width = frequencies.length;
  const cosine = new Float32Array(rows * width);
  const sine = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      // The angle is rounded to float32 first, as in transformers: at position 10,000 this moves it by 1e-3.
      const angle = Math.fround((start + row) * frequencies[i]!);
      cosine[row * width + i] = Math.cos(angle);
      sine[row * width + i] = Math.sin(angle);
    }
  }
  return { cosine, sine };
}
