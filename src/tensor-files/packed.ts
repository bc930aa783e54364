import { InputError, type Place } from '../errors.ts';
import {
  createFormat,
  findFormat,
  granularityName,
  layoutOf,
  MAXIMUM_VALUES,
  matrixShape,
  type TensorFormat,
} from '../formats/index.ts';
import type { Kernels } from '../kernels/index.ts';

/** What has to stand beside the bits of a packed tensor to read them again: plain JSON. */
export interface PackedHeader {
  format: string;
  settings: Readonly<Record<string, number | string>>;
  granularity: string;
  shape: readonly number[];
}

export function packedHeader(format: TensorFormat, shape: readonly number[]): PackedHeader {
  const { name, settings, granularity } = format;
  return { format: name, settings, granularity: granularityName(granularity), shape };
}

/**
 * The values that packed bits carry, in the kernel memory: exactly what `round` to values had made.
 * @throws InputError where header and bits do not fit together
 */
export function unpackValues(
  kernels: Kernels,
  { format, shape }: { format: TensorFormat; shape: readonly number[] },
  sections: Record<string, Uint8Array>,
  place: Place,
): { values: Float32Array; shape: readonly number[] } {
  const { rows, columns } = matrixShape(shape);
  const length = rows * columns;
  const bytes = Object.values(sections).reduce((sum, section) => sum + section.length, 0);
  // No format has codes of less than a bit: bounds what a wrong shape could ask for.
  if (length > Math.min(bytes * 8, MAXIMUM_VALUES))
    throw damaged(place, `${bytes} bytes cannot hold [${shape}]`);
  if (length === 0) return { values: kernels.floats(0), shape };
  try {
    const { codes, fit } = format.unpack({ sections, bits: bytes * 8 }, rows, columns);
    refuseOtherSections(sections, format.pack(codes, columns, fit).sections);
    const values = kernels.load(format.decode(codes, columns, fit));
    const layout = layoutOf(format.granularity, length, columns);
    if (fit.scales.length > 0) kernels.formats.scaleGroups(values, fit.scales, layout);
    return { values, shape };
  } catch (cause) {
    // Formats read what they have written themselves; anything else fails wherever it fails.
    throw damaged(place, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Bits that are missing would read as zeros. */
function refuseOtherSections(found: Record<string, Uint8Array>, expected: Record<string, Uint8Array>): void {
  for (const name of new Set([...Object.keys(found), ...Object.keys(expected)])) {
    const [has, needs] = [found[name]?.length ?? 0, expected[name]?.length ?? 0];
    if (has !== needs) throw new RangeError(`${name}: expected ${needs} bytes, found ${has}`);
  }
}

/**
 * What a header says.
 * @param header as it stands in a file, not to be trusted
 * @throws InputError
 */
export function readHeader(
  header: unknown,
  place: Place,
): { format: TensorFormat; shape: readonly number[] } {
  const { format: name, settings, granularity, shape } = (header ?? {}) as Partial<PackedHeader>;
  const isObject = typeof settings === 'object' && settings !== null;
  if (typeof name !== 'string' || typeof granularity !== 'string' || !isObject || !Array.isArray(shape))
    throw damaged(place, 'its header lacks format, settings, granularity or shape');
  if (shape.length > 64 || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw damaged(place, 'its shape is not one of whole numbers');
  const definition = findFormat(name);
  // The format's own granularity may be one that cannot be chosen.
  const own = granularity === granularityName(definition.defaultGranularity);
  return { format: createFormat(name, settings, own ? undefined : granularity, place), shape };
}

function damaged(place: Place, what: string, cause?: unknown): InputError {
  return new InputError(`expected packed bits of a tensor, found that ${what}`, {
    place,
    note: 'the file is damaged; pack the tensor again',
    cause,
  });
}
